import { isDeepStrictEqual } from "node:util";
import type { RangeMap } from "../../placement/index.js";
import { digesting, readRowsFile, RowsDigest } from "./rows-file.js";
import type { Row, RowsSummary } from "./rows-file.js";
import { rowsPath } from "./manifest.js";
import type { BackedUpShard, Manifest } from "./manifest.js";

/** Told of the bytes of a shard's copy that were read so far. */
export type OnRead = (bytes: number) => void;

/** Reads all of a shard's copy; fails where it is not what was taken. */
export async function verifyShard(
  directory: string,
  shard: BackedUpShard,
  onRead: OnRead,
): Promise<void> {
  const rows = verifiedRows(directory, shard, onRead);
  while ((await rows.next()).done !== true);
}

/** The rows of a shard's copy. Whoever took all of them without a failure has what was taken. */
export async function* verifiedRows(
  directory: string,
  shard: BackedUpShard,
  onRead: OnRead,
): AsyncGenerator<readonly Row[]> {
  const digest = new RowsDigest();
  for await (const rows of digesting(readRowsFile(rowsPath(directory, shard)), digest)) {
    yield rows;
    onRead(digest.bytes);
  }
  requireTaken(directory, shard, digest.end());
}

function requireTaken(directory: string, shard: BackedUpShard, found: RowsSummary): void {
  const path = rowsPath(directory, shard);
  requireSame(shard, found, `${path} is not what the manifest says: use another backup`);
}

export function requireSame(shard: BackedUpShard, found: RowsSummary, trouble: string): void {
  const { rows, bytes, sha256 } = shard;
  if (found.rows === rows && found.bytes === bytes && found.sha256 === sha256) return;
  throw new Error(trouble);
}

/** The cluster that it is restored into divides its keys as the one did that it was taken of. */
export function requireSameRanges({ rangeMap }: Manifest, cluster: RangeMap, path: string): void {
  if (isDeepStrictEqual(rangeMap.shards, cluster.shards)) return;
  throw new Error(
    `${path} divides the keys among its shards in another way than the cluster that was backed up: ` +
      "take the file of the same layout, or restore without --cluster",
  );
}

/** Every shard of the range map is there, once. */
export function requireWhole({ rangeMap, shards }: Manifest): void {
  for (const { number, name } of rangeMap.shards) {
    if (shards.filter((shard) => shard.number === number && shard.name === name).length !== 1) {
      throw new Error(`the backup has no copy of ${name}: use another one`);
    }
  }
}
