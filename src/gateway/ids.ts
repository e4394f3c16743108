import { ulid } from "ulidx";

/** Port: bytes that nobody can guess. */
export type RandomBytes = (count: number) => Uint8Array;

const SESSION_BYTES = 16;
const UUID_BYTES = 16;

/** Ids are made here, before the log: applying a command makes none. */
export interface Ids {
  /** `e` and a lower-case ULID. */
  event(): string;
  session(): string;
  /** UUIDv7 (RFC 9562): sorts by time, and tells it. */
  uuid(): string;
}

export function createIds(wallMs: () => number, randomBytes: RandomBytes): Ids {
  const fraction = (): number => (randomBytes(1)[0] ?? 0) / 0x100;
  return {
    event: () => `e${ulid(wallMs(), fraction).toLowerCase()}`,
    session: () => Buffer.from(randomBytes(SESSION_BYTES)).toString("hex"),
    uuid: () => uuidV7(wallMs(), randomBytes(UUID_BYTES)),
  };
}

function uuidV7(timeMs: number, random: Uint8Array): string {
  const bytes = Buffer.from(random);
  bytes.writeUIntBE(timeMs, 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [0, 8, 12, 16, 20, 32]
    .map((end, i, ends) => hex.slice(ends[i - 1] ?? 0, end))
    .slice(1)
    .join("-");
}
