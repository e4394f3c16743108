import type { Machine } from "../machine/index.js";
import type { RaftGroup, ReplicaId } from "../raft/index.js";
import type { Applier } from "./applier.js";
import type { AppliedState, SnapshotSource } from "./ports.js";
import { runQuery } from "./query-runner.js";
import { Reads } from "./reads.js";
import { overloaded, refusalError, stopping } from "./refusals.js";
import type { Executed, ReadOptions } from "./replica-handle.js";
import type { ReplicaHost } from "./replica-host.js";
import type { ReplicaLoad } from "./replica-load.js";
import type { StateCache } from "./state-cache.js";

/** While somebody follows the feed, its age is asked for this often. */
const FRESH_MS = 500;

export interface ReplicaReadsOptions {
  readonly host: ReplicaHost;
  readonly replica: ReplicaId;
  readonly group: RaftGroup;
  readonly machine: Machine;
  readonly cache: StateCache;
  readonly applier: Applier;
  readonly load: ReplicaLoad;
  /** As of the last written round. */
  readonly persisted: () => AppliedState;
  readonly nodeOf: (replica: ReplicaId) => string;
}

/** What is read from one replica: asked of the leader where that is needed, then answered from the state as it is applied. */
export class ReplicaReads {
  readonly #options: ReplicaReadsOptions;
  readonly #reads: Reads;
  /** While a snapshot is written, the disk still has the former state. */
  #isHeld = false;

  constructor(options: ReplicaReadsOptions) {
    this.#options = options;
    this.#reads = new Reads(options.host.store.boot);
  }

  /** Infinity while nothing is known of how old the state is. */
  ageMs(): number {
    return this.#reads.ageMs(this.#options.host.clock.monotonicMs());
  }

  read(
    bytes: Uint8Array,
    { timeoutMs, minSequence, maxStalenessMs }: ReadOptions,
  ): Promise<Executed> {
    const { host, load } = this.#options;
    if (this.#reads.size >= host.limits.openReadsMax) {
      return Promise.reject(overloaded("too many reads are waiting"));
    }
    load.asked(bytes.length);
    return new Promise((resolve, reject) => {
      const read = {
        minSequence,
        deadlineMs: host.clock.monotonicMs() + timeoutMs,
        run: () => {
          this.#answer(bytes).then(resolve, reject);
        },
        reject,
      };
      if (maxStalenessMs > 0 && this.ageMs() <= maxStalenessMs) {
        this.#reads.gatherStale(read);
        this.release();
      } else {
        this.#reads.gather(read);
      }
    });
  }

  /** Everything, as of no earlier than now. */
  openSnapshot(timeoutMs: number): Promise<SnapshotSource> {
    const { host, replica } = this.#options;
    return new Promise((resolve, reject) => {
      this.#reads.gather({
        minSequence: 0,
        fromDisk: true,
        deadlineMs: host.clock.monotonicMs() + timeoutMs,
        run: () => {
          host.store.openSnapshot(replica).then(resolve, reject);
        },
        reject,
      });
    });
  }

  /** Asks how far the log is committed, for all reads that were gathered, and for whoever wants to know how old the state is. */
  ask(isFollowed: boolean): void {
    const { host, group, nodeOf } = this.#options;
    const now = host.clock.monotonicMs();
    const isDue = isFollowed && this.#reads.sinceAskedMs(now) >= FRESH_MS;
    if (!this.#reads.hasGathered && !isDue) return;
    const context = this.#reads.beginRound(now);
    const result = group.readIndex(context);
    if (result.kind === "refused") {
      this.#reads.refuseRound(context, refusalError(result, nodeOf));
    }
  }

  confirmed(states: readonly { readonly context: number; readonly index: number }[]): void {
    for (const { context, index } of states) this.#reads.confirmed(context, index);
    if (states.length > 0) this.release();
  }

  /** The state came further. */
  release(): void {
    if (!this.#isHeld) this.#reads.release(this.#options.applier.state, this.#options.persisted());
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
  }

  /** Waiting for an index, or for the state to reach it. */
  get size(): number {
    return this.#reads.size;
  }

  /** Reads that ended without an answer, and rounds that had to be asked again. */
  expire(nowMs: number): ReturnType<Reads["expire"]> {
    return this.#reads.expire(nowMs);
  }

  stop(): void {
    this.#reads.rejectAll(stopping());
  }

  async #answer(bytes: Uint8Array): Promise<Executed> {
    const { host, replica, machine, cache, applier, load } = this.#options;
    const { reply, sequence } = await runQuery(
      {
        machine,
        codec: host.codec,
        cache,
        read: (keys, ranges) => host.store.read(replica, keys, ranges),
        sequence: () => applier.state.sequence,
        featureLevel: () => applier.state.featureLevel,
      },
      bytes,
    );
    load.answered(reply.length);
    return { reply, sequence, epoch: applier.state.epoch };
  }
}
