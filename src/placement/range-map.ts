/** Number of a shard: never given again. Its name is a label. */
export type ShardNumber = number;

export type Collection = "calendars" | "groups" | "users" | "system";

export interface ShardDescription {
  readonly number: ShardNumber;
  readonly name: string;
  readonly collection: Collection;
  /** First key, inclusive; empty from the beginning. */
  readonly start: string;
  /** Last key, exclusive; empty to the end. */
  readonly end: string;
}

/**
 * Which shard owns which keys. Data with a version, kept in the `system` shard: callers that chose by another one are refused.
 */
export interface RangeMap {
  readonly version: number;
  readonly shards: readonly ShardDescription[];
}

export const DEFAULT_RANGE_MAP: RangeMap = {
  version: 1,
  shards: [
    { number: 1, name: "events-am", collection: "calendars", start: "", end: "n" },
    { number: 2, name: "events-nz", collection: "calendars", start: "n", end: "" },
    { number: 3, name: "groups", collection: "groups", start: "", end: "" },
    { number: 4, name: "users", collection: "users", start: "", end: "" },
    { number: 5, name: "system", collection: "system", start: "", end: "" },
  ],
};

/** Whether every key is where it was: what a map of another version may not change while a cluster runs. */
export function hasSameRanges(map: RangeMap, other: RangeMap): boolean {
  const rangesOf = ({ shards }: RangeMap): string =>
    JSON.stringify(
      shards
        .map(({ number, collection, start, end }) => [number, collection, start, end] as const)
        .sort(([a], [b]) => a - b),
    );
  return rangesOf(map) === rangesOf(other);
}

/** A shard's label; its number where the map has no such shard. */
export function shardName({ shards }: RangeMap, shard: ShardNumber): string {
  return shards.find(({ number }) => number === shard)?.name ?? String(shard);
}

/** The shard that owns a key; keys are compared byte by byte, which for the allowed characters is string order. */
export function findShard(
  map: RangeMap,
  collection: Collection,
  key: string,
): ShardDescription | undefined {
  return map.shards.find(
    (shard) =>
      shard.collection === collection &&
      key >= shard.start &&
      (shard.end === "" || key < shard.end),
  );
}

/** The shard of a resource name such as `calendars/ana/events/e01...`; undefined where no shard owns such names. */
export function findShardOfName(map: RangeMap, name: string): ShardDescription | undefined {
  const [collection, key] = name.split("/", 2);
  if (key === undefined || key === "") return undefined;
  switch (collection) {
    case "calendars":
    case "groups":
    case "users":
      return findShard(map, collection, key);
    case "cluster":
      return findShard(map, "system", "");
    default:
      return undefined;
  }
}
