import type { Machine } from "../machine/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { Message } from "../raft/index.js";
import type { RuntimeLimits } from "./limits.js";
import type { Members } from "./members.js";
import type { NodeConditions } from "./node-conditions.js";
import type { RuntimeObserver } from "./observer.js";
import type { Clock, EntryCodec, Random, Store } from "./ports.js";
import type { Replica } from "./replica.js";
import type { Digest } from "./state-hash.js";

/** What a replica needs of the process that hosts it. */
export interface ReplicaHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly machine: Machine;
  readonly codec: EntryCodec;
  readonly digest: Digest;
  readonly limits: RuntimeLimits;
  readonly observer: RuntimeObserver;
  /** A sweep that expires at most so many rows and trims the feed. */
  encodeSweep(limit: number, trimFeedTo: number): Uint8Array;
  readonly members: Members;
  /** Runs `process` of this replica in the next turn. */
  schedule(replica: Replica): void;
  send(shard: ShardNumber, message: Message): void;
  sendSnapshot(replica: Replica, message: Message): void;
  /** Number of the round that will be built next. */
  nextRound(): number;
  /** A round is on its way to the disk; everything is processed again when it is there. */
  isWriting(): boolean;
  readonly nodeName: string;
  readonly conditions: NodeConditions;
  /** A round has been on its way to the disk for too long. */
  diskSlow(): boolean;
  fatal(error: unknown): void;
}
