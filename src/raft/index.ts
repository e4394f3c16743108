export { RaftGroup } from "./raft-group.js";
export type { Proposed } from "./raft-group.js";
export type { LogPosition, RaftConfig, ReadMode } from "./config.js";
export { decodeConfChange, encodeConfChange, LEAVE_JOINT } from "./conf-change.js";
export type { ChangeKind, ConfChange, SingleChange, Transition } from "./conf-change.js";
export type { ProgressState } from "./progress.js";
export type { FollowerProgress, RaftStatus } from "./status.js";
export type { StepOutcome } from "./step.js";
export type {
  Accepted,
  AppendDone,
  AppendWork,
  ApplyWork,
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
