/** Pure: the deterministic state machine of the agenda. Nothing here reads a clock, randomness, locale or ICU. */
export { NotLoaded } from "./types.js";
export type {
  Applied,
  ApplyContext,
  Codec,
  KeyRange,
  Machine,
  ReadSet,
  RowCodec,
  StateKey,
  StateRow,
  View,
  Write,
} from "./types.js";
