import type * as pb from "../../../gen/cabildo/store/v1/resources_pb.js";
import type { Collection, RangeMap } from "../../placement/index.js";
import { toInt64, toSafeInteger } from "../int64.js";
import { Malformed } from "./decoding.js";
import { ROW_VERSION } from "./row-version.js";

const COLLECTIONS: readonly Collection[] = ["calendars", "groups", "users", "system"];

export function toRangeMap({ version, shards }: RangeMap): pb.RangeMap {
  return {
    $typeName: "cabildo.store.v1.RangeMap",
    version: ROW_VERSION,
    mapVersion: toInt64(version),
    shards: shards.map((shard) => ({ $typeName: "cabildo.store.v1.ShardRange", ...shard })),
  };
}

export function fromRangeMap({ mapVersion, shards }: pb.RangeMap): RangeMap {
  return {
    version: toSafeInteger(mapVersion),
    shards: shards.map(({ number, name, collection, start, end }) => ({
      ...{ number, name, start, end },
      collection: toCollection(collection),
    })),
  };
}

function toCollection(text: string): Collection {
  const collection = COLLECTIONS.find((known) => known === text);
  if (collection === undefined) throw new Malformed(`there is no collection ${text}`);
  return collection;
}
