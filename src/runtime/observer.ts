import type { Role } from "../raft/index.js";
import type { ShardNumber } from "../placement/index.js";

export type SnapshotDirection = "send" | "receive";

/** What happens in a node's runtime, for metrics and logs. */
export interface RuntimeObserver {
  roleChanged(
    shard: ShardNumber,
    role: Role,
    change: { readonly term: number; readonly leaderChanged: boolean },
  ): void;
  proposalsFailed(shard: ShardNumber, count: number, reason: string): void;
  /** A run of entries was applied, which took so long. */
  applied(shard: ShardNumber, entries: number, seconds: number): void;
  /** A command was answered, so long after it came. */
  committed(shard: ShardNumber, seconds: number): void;
  /** What a run of entries wrote into the audit trail. */
  audited(shard: ShardNumber, entries: number): void;
  /** Reads whose deadline passed before it was known how far they have to see. */
  readsFailed(shard: ShardNumber, count: number): void;
  /** Questions how far reads have to see which had to be asked again. */
  readIndexSlow(shard: ShardNumber, rounds: number): void;
  /** A shard has something new for another one in its outbox. */
  posted(shard: ShardNumber, target: ShardNumber): void;
  /** One round of all replicas is on the disk, or, without `sync`, written. */
  roundWritten(round: {
    readonly seconds: number;
    /** Of these, on the engine's thread: to encode it and hand it over. */
    readonly handOverSeconds: number;
    readonly sync: boolean;
    /** Of entries that it appended. */
    readonly logBytes: number;
  }): void;
  peerRefused(node: string, reason: string): void;
  snapshotBegan(shard: ShardNumber, direction: SnapshotDirection): void;
  /** All of it is here, and takes the place of the state. */
  snapshotInstalling(shard: ShardNumber): void;
  snapshotEnded(
    shard: ShardNumber,
    direction: SnapshotDirection,
    how: { readonly installed: boolean; readonly seconds: number },
  ): void;
  diskFull(full: boolean): void;
  /** A peer remembers more than this replica's disk does. */
  promiseLost(shard: ShardNumber, reason: string): void;
}

const nothing = (): void => undefined;

export const SILENT: RuntimeObserver = {
  roleChanged: nothing,
  proposalsFailed: nothing,
  applied: nothing,
  committed: nothing,
  audited: nothing,
  readsFailed: nothing,
  readIndexSlow: nothing,
  posted: nothing,
  roundWritten: nothing,
  peerRefused: nothing,
  snapshotBegan: nothing,
  snapshotInstalling: nothing,
  snapshotEnded: nothing,
  diskFull: nothing,
  promiseLost: nothing,
};
