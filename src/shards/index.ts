/**
 * Client of the nodes' ShardService: one Execute stream a node, leaders remembered and corrected by hints, feeds that go on
 * at another replica. Used by gateway, fan-out and relay.
 */
export { AuditRecorder } from "./audit-recorder.js";
export type { AuditRecorderOptions, Refusal } from "./audit-recorder.js";
export { createShardClient } from "./client.js";
export type { ShardClientOptions, ShardNode } from "./client.js";
export { ADMISSION_LIMITS } from "./admission.js";
export type { AdmissionLimits } from "./admission.js";
export { sleep } from "./clock.js";
export type { NodeAddress } from "./dial.js";
export { KnownMembers, mostName } from "./known-members.js";
export type { ShardClock } from "./clock.js";
export type { ShardCodec } from "./codec.js";
export { createNodeCalls } from "./node-calls.js";
export type { NodeCalls, NodeCallsOptions } from "./node-calls.js";
export type { ShardObserver } from "./observer.js";
export type * from "./types.js";
