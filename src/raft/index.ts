export { RaftGroup } from "./raft-group.js";
export type { LogPosition, LostPromise, RaftConfig } from "./config.js";
export { decodeConfChange, encodeConfChange, LEAVE_JOINT } from "./conf-change.js";
export { isAtLeast } from "./log.js";
export type { ChangeKind, ConfChange, SingleChange, Transition } from "./conf-change.js";
export type { FollowerProgress, RaftStatus } from "./status.js";
export { acknowledgedIndex } from "./replica.js";
export type { StepOutcome } from "./step.js";
export type {
  AppendDone,
  AppendWork,
  ConfState,
  Entry,
  EntryKind,
  HardState,
  LogView,
  Message,
  ProposedEntry,
  ReadState,
  Ready,
  Refusal,
  ReplicaId,
  Role,
  Snapshot,
  SnapshotMeta,
  SoftState,
} from "./types.js";
export { NONE } from "./types.js";
