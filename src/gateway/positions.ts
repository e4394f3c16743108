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
