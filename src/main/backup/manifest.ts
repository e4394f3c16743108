import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createHash } from "node:crypto";
import type { RangeMap } from "../../placement/index.js";
import { parseRangeMap } from "../cluster-file.js";
import { findFile, writeFileAtomic } from "../files.js";
import {
  asObject,
  optionalTexts,
  parseObject,
  requireList,
  requireNumber,
  requireText,
} from "../json-shape.js";

/** What a backup holds. Written last: a directory without it is no backup. */
export interface Manifest {
  readonly clusterId: string;
  /** Ids of the clusters whose backups that one came from. */
  readonly restoredFrom: readonly string[];
  readonly clusterName: string;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  /** Build that took it. */
  readonly version: string;
  readonly rangeMap: RangeMap;
  readonly shards: readonly BackedUpShard[];
}

export interface BackedUpShard {
  readonly number: number;
  readonly name: string;
  /** Who gave the copy. */
  readonly node: string;
  /** The last entry whose effect is in it. */
  readonly index: number;
  readonly sequence: number;
  /** Over everything that was written up to that entry, hexadecimal: what `cabildo shard hash` compares. */
  readonly stateHash: string;
  readonly rows: number;
  readonly bytes: number;
  /** Over all rows, hexadecimal. */
  readonly sha256: string;
}

/** Of the rows too. 2: as of format 2 of the store. */
const FORMAT = 2;
const MANIFEST_FILE = "manifest.json";

export const rowsPath = (directory: string, shard: { readonly name: string }): string =>
  join(directory, `${shard.name}.rows`);

export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const body = JSON.stringify(manifest);
  const sha256 = digestOf(body);
  await writeFileAtomic(
    join(directory, MANIFEST_FILE),
    `${JSON.stringify({ format: FORMAT, sha256, manifest })}\n`,
  );
}

export async function hasManifest(directory: string): Promise<boolean> {
  return (await findFile(join(directory, MANIFEST_FILE))) !== undefined;
}

export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, MANIFEST_FILE);
  if (!(await hasManifest(directory))) {
    throw new Error(`${directory} holds no backup, or one that was not finished: take it again`);
  }
  const object = parseObject(await readFile(path, "utf8"), path);
  const format = requireNumber(object, "format", path);
  if (format !== FORMAT) {
    throw new Error(
      `${path} has format ${format}, this version reads ${FORMAT}: restore it with the version that took it`,
    );
  }
  const body = asObject(object["manifest"], `${path}: manifest`);
  if (digestOf(JSON.stringify(body)) !== requireText(object, "sha256", path)) {
    throw new Error(`${path} is damaged: use another backup`);
  }
  return {
    clusterId: requireText(body, "clusterId", path),
    restoredFrom: optionalTexts(body, "restoredFrom", path),
    clusterName: requireText(body, "clusterName", path),
    takenAt: requireText(body, "takenAt", path),
    version: requireText(body, "version", path),
    rangeMap: parseRangeMap(asObject(body["rangeMap"], `${path}: rangeMap`), path),
    shards: requireList(body, "shards", path).map((shard) => ({
      number: requireNumber(shard, "number", path),
      name: requireText(shard, "name", path),
      node: requireText(shard, "node", path),
      index: requireNumber(shard, "index", path),
      sequence: requireNumber(shard, "sequence", path),
      stateHash: requireText(shard, "stateHash", path),
      rows: requireNumber(shard, "rows", path),
      bytes: requireNumber(shard, "bytes", path),
      sha256: requireText(shard, "sha256", path),
    })),
  };
}

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");
