import type { PositionTokens } from "../auth/index.js";
import type { ShardPosition } from "../shards/index.js";
import { fieldFault } from "./faults.js";
import type { Positions } from "./types.js";

/** `tokens` fails until the cluster's keys are known. */
export function createPositions(tokens: () => PositionTokens): Positions {
  return {
    encode: (positions) => tokens().encode(positions),
    decode: (text) => tokens().decode(text),
  };
}

/** The places of a field that may be empty. */
export function positionsOf(
  positions: Positions,
  text: string,
  field = "position",
): readonly ShardPosition[] {
  if (text === "") return [];
  try {
    return positions.decode(text);
  } catch {
    throw fieldFault(field, "not a position of this cluster: take one from a list, write or push");
  }
}

/** What a read must not be older than: the newest place of each shard that any of the positions, separated by commas, names. */
export function leastOf(positions: Positions, text: string): readonly ShardPosition[] {
  if (text === "") return [];
  const newest = new Map<ShardPosition["shard"], ShardPosition>();
  for (const place of text.split(",").flatMap((position) => positionsOf(positions, position))) {
    const known = newest.get(place.shard);
    // Of two epochs the older one: what was seen before a restore is refused, not left out.
    const isLess =
      known !== undefined && (known.epoch - place.epoch || place.sequence - known.sequence) < 0;
    if (!isLess) newest.set(place.shard, place);
  }
  return [...newest.values()];
}
