import type { Caller, Operation } from "../domain/index.js";
import { hasSameRanges } from "../placement/index.js";
import type { RangeMap } from "../placement/index.js";
import { decide } from "../policy/index.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { KEYS } from "./rows.js";

const SHARDS_MAX = 256;

/**
 * What routes by an older map is refused from now on and asks for this one. The commands in the logs went where the ranges were:
 * until there is a way to take what a range holds along, a map that moves one is refused.
 */
export function publishRangeMap(
  draft: Draft,
  caller: Caller,
  { map }: Extract<Operation, { kind: "publish-range-map" }>,
): Outcome {
  if (decide(caller, "range-map.publish", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster publishes its range map");
  }
  const known = draft.find(draft.rows.rangeMap, KEYS.rangeMap);
  if (known !== undefined && map.version <= known.version) {
    return refuse("failed-precondition", `the range map is at version ${known.version} already`);
  }
  if (known !== undefined && !hasSameRanges(known, map)) {
    return refuse("failed-precondition", "ranges do not move yet: keep those of the shards");
  }
  draft.put(draft.rows.rangeMap, KEYS.rangeMap, map);
  return { kind: "done", name: "cluster/range-map", revision: 0 };
}

export function rangeMapFault({ version, shards }: RangeMap): string | undefined {
  if (!Number.isSafeInteger(version) || version < 1) return "map.version: not a version";
  if (shards.length === 0 || shards.length > SHARDS_MAX) {
    return `map.shards: 1 to ${SHARDS_MAX} are needed`;
  }
  if (new Set(shards.map(({ number }) => number)).size < shards.length) {
    return "map.shards: two have one number";
  }
  return undefined;
}
