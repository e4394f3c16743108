import type { Role } from "../raft/index.js";
import type { ShardNumber } from "../placement/index.js";

/** What happens in a node's runtime, for metrics and logs. */
export interface RuntimeObserver {
  roleChanged(shard: ShardNumber, role: Role, leaderChanged: boolean): void;
  proposalsFailed(shard: ShardNumber, count: number, reason: string): void;
  applied(shard: ShardNumber, entries: number): void;
  /** A shard has something new for another one in its outbox. */
  posted(shard: ShardNumber, target: ShardNumber): void;
  /** One round is on the disk; `sync` rounds waited for it. */
  roundWritten(seconds: number, replicas: number, sync: boolean): void;
  peerRefused(node: string, reason: string): void;
  snapshot(shard: ShardNumber, direction: "sent" | "received", succeeded: boolean): void;
  diskFull(full: boolean): void;
  /** A peer remembers more than this replica's disk does. */
  promiseLost(shard: ShardNumber, reason: string): void;
}

const nothing = (): void => undefined;

export const SILENT: RuntimeObserver = {
  roleChanged: nothing,
  proposalsFailed: nothing,
  applied: nothing,
  posted: nothing,
  roundWritten: nothing,
  peerRefused: nothing,
  snapshot: nothing,
  diskFull: nothing,
  promiseLost: nothing,
};
