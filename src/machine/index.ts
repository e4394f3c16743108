/**
 * Pure: the deterministic state machine of the agenda. Nothing here reads a clock, randomness,
 * locale or ICU.
 */
export { createMachine } from "./machine.js";
export { FEATURE_LEVEL } from "./feature-level.js";
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
export { EXPIRY_QUEUES, KEYS, keyAfter, prefixRange, timeKey } from "./rows.js";
export type { RowCodecs } from "./rows.js";
export { instanceId } from "./instances.js";
export { formatEtag } from "./etag.js";
export { AUDIT_PRUNED_MAX, AUDIT_RECORDS_MAX, chainHash, NO_AUDIT } from "./audit.js";
export { SWEEP_MORE } from "./sweep.js";
