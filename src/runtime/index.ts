/**
 * Drives the replicas of one node process: tick, step, persist, send, apply; one batch and one fsync a round for all of them.
 *
 * Duties of the caller:
 * 1. Open the store first, and close it after `stop`.
 * 2. End the process when `onFatal` is called: after a failed write nothing in memory may be trusted.
 * 3. Give a transport that keeps the order of messages to one node; it may lose any.
 *
 * Not here: encodings (`wire`), keys and files (`storage`), connections (`peer`), services (`node`).
 */
export { startRuntime } from "./runtime.js";
export type { HostedReplica } from "./hosted-replicas.js";
export type { Runtime, RuntimeOptions } from "./runtime.js";
export { neededBytes } from "./disk-reserve.js";
export { DEFAULT_LIMITS } from "./limits.js";
export type { RuntimeLimits } from "./limits.js";
export type { RuntimeObserver, SnapshotDirection } from "./observer.js";
export { restoreReplica } from "./restore-replica.js";
export type { RestoredReplica, ReplicaCopy } from "./restore-replica.js";
export { encodeMember, NO_MEMBERS } from "./members.js";
export type { Member } from "./members.js";
export type { SingleChange as MemberChange } from "../raft/index.js";
export type { Digest } from "./state-hash.js";
export type * from "./ports.js";
export type * from "./replica-handle.js";
export type { LoadStatus } from "./replica-load.js";
