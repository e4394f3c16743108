import { randomBytes } from "node:crypto";
import { ClusterError } from "../base/index.js";
import { commit } from "./engine.js";
import type { Engine } from "./engine.js";
import { FORMAT, metaKey, STORE_ROWS } from "./keys.js";
import { decodeMarker } from "./marker.js";
import type { MarkerImage } from "./marker.js";
import type { MarkerMedium } from "./marker-writer.js";
import { requireIntact } from "./row-checksum.js";
import { RowReader } from "./row-reader.js";
import { RowWriter } from "./row-writer.js";

const STORE_ID_BYTES = 16;
const IDENTITY_KEY = metaKey(STORE_ROWS, "identity");
/** Before any key and after all: keys begin with the format. */
const FIRST_KEY = Buffer.from([0]);
/** Keys that begin with a printable character are somebody else's. */
const FORMAT_MAX = 31;
const AFTER_LAST_KEY = Buffer.alloc(32, 0xff);

interface Identity {
  readonly storeId: string;
  readonly boot: number;
}

export interface FoundStore {
  /** The marker as it stands, with the highest boot that database or marker saw. */
  readonly marker: MarkerImage;
  /** True where nothing but this has ever been in the directory. */
  readonly fresh: boolean;
}

/**
 * Brings the two halves of a store together, the database and the marker, or formats an empty one.
 * Halves that do not belong together are refused: only whole copies of the directory can be used.
 */
export async function findStore(
  engine: Engine,
  medium: MarkerMedium,
  place: string,
  random: (bytes: number) => Uint8Array = randomBytes,
): Promise<FoundStore> {
  const bytes = await medium.read();
  const marker = bytes && decodeMarker(bytes);
  const identity = await readIdentity(engine);
  if (identity !== undefined) {
    if (marker === undefined) throw refusal(place, "its marker file is missing or damaged");
    if (marker.storeId !== identity.storeId) {
      throw refusal(place, "its marker file belongs to another database");
    }
    const boot = Math.max(marker.boot, identity.boot);
    return { marker: { ...marker, boot }, fresh: boot === 0 };
  }
  const first = await findFirstKey(engine);
  if (first !== undefined) throw notReadable(place, first.readUInt8(0));
  if (marker !== undefined && marker.boot > 0) {
    throw refusal(place, "its database is empty although its marker file says otherwise");
  }
  if (marker !== undefined) return { marker, fresh: true };
  await medium.format();
  const storeId = Buffer.from(random(STORE_ID_BYTES)).toString("hex");
  return { marker: { storeId, boot: 0, generation: 0, rows: [] }, fresh: true };
}

export function writeIdentity(engine: Engine, { storeId, boot }: Identity): Promise<void> {
  const batch = engine.batch();
  new RowWriter().begin(IDENTITY_KEY).endKey().ascii(storeId).u64(boot).put(batch);
  return commit(batch, true);
}

async function readIdentity(engine: Engine): Promise<Identity | undefined> {
  const stored = await new Promise<Buffer | undefined>((resolve, reject) => {
    engine.get(IDENTITY_KEY, (error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
  if (stored === undefined) return undefined;
  const row = new RowReader(IDENTITY_KEY, requireIntact(IDENTITY_KEY, stored));
  return { storeId: row.bytes(2 * STORE_ID_BYTES).toString("latin1"), boot: row.u64() };
}

function findFirstKey(engine: Engine): Promise<Buffer | undefined> {
  const cursor = engine.cursor({ gte: FIRST_KEY, lt: AFTER_LAST_KEY, limit: 1 });
  return new Promise((resolve, reject) => {
    cursor.nextPage((error, rows) => {
      cursor.end();
      if (error) reject(error);
      else resolve(rows?.[0]?.[0]);
    });
  });
}

/** The first byte of a database's keys is the format that it was written in, if this program wrote it. */
function notReadable(place: string, format: number): ClusterError {
  if (format > FORMAT_MAX) return refusal(place, "its database was not made by this program");
  const what = `${place} was written in format ${format}, and this version reads format ${FORMAT} only: `;
  return new ClusterError(
    "failed-precondition",
    format > FORMAT
      ? `${what}start the version that wrote it, or a newer one`
      : `${what}start the version that wrote it, export what you need, and import that into a new cluster`,
  );
}

function refusal(place: string, what: string): ClusterError {
  return new ClusterError(
    "corrupt-storage",
    `${place} cannot be used: ${what}; put back the whole directory as it was, or remove all of ` +
      "it so that the node joins as a new one",
  );
}
