import { assert } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { AppendWork, RaftGroup, ReplicaId } from "../raft/index.js";
import { AppendQueue } from "./append-queue.js";
import type { MergedAppend } from "./append-queue.js";
import type { Applier, UnwrittenState } from "./applier.js";
import { Compaction } from "./compaction.js";
import { LogFetches } from "./log-fetches.js";
import type { AppliedState, LogId, ReplicaRound } from "./ports.js";
import type { ReplicaHost } from "./replica-host.js";
import type { ReplicaLog } from "./replica-log.js";
import type { ReplicaReads } from "./replica-reads.js";
import type { RoundSource } from "./round-writer.js";
import type { SnapshotInstall, TakenSnapshot } from "./snapshot-install.js";

export interface ReplicaRoundsOptions {
  readonly host: ReplicaHost;
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  readonly group: RaftGroup;
  readonly log: ReplicaLog;
  readonly applier: Applier;
  readonly reads: ReplicaReads;
  readonly snapshots: SnapshotInstall;
  /** The state that is on the disk at start. */
  readonly initial: AppliedState;
  /** A snapshot became the state on the disk. */
  readonly installed: (state: AppliedState) => void;
  /** The group has something to do. */
  readonly changed: () => void;
}

interface BuiltRound {
  readonly append: MergedAppend;
  readonly unwritten: UnwrittenState | undefined;
  readonly install: TakenSnapshot | undefined;
  readonly compactTo: LogId | undefined;
  /** Who asked for the compaction, if anyone did. */
  readonly compacted: readonly (() => void)[];
}

/** One replica's part of its node's rounds: what waits for the disk, what goes with the next round, what follows from it. */
export class ReplicaRounds implements RoundSource {
  readonly #options: ReplicaRoundsOptions;
  readonly #appends = new AppendQueue();
  readonly #compaction: Compaction;
  readonly #fetches: LogFetches;
  #persisted: AppliedState;
  #built: BuiltRound | undefined;
  #compactionWaiters: (() => void)[] = [];

  constructor(options: ReplicaRoundsOptions) {
    const { host, replica, group, log, initial, changed } = options;
    const { store, limits } = host;
    this.#options = options;
    this.#persisted = initial;
    this.#compaction = new Compaction(limits, log);
    this.#fetches = new LogFetches({
      ...{ log, group, changed },
      compaction: this.#compaction,
      read: (low, high) => store.readEntries(replica, low, high, limits.fetchBytesMax),
      persistedIndex: () => this.#persisted.index,
      failed: (error) => {
        host.fatal(error);
      },
    });
  }

  /** As of the last written round. */
  get persisted(): AppliedState {
    return this.#persisted;
  }

  /** The core took a snapshot, and the next round writes it. */
  get hasSnapshot(): boolean {
    return this.#appends.hasSnapshot;
  }

  append(work: AppendWork): void {
    if (!this.#appends.isFree(work)) {
      this.#appends.push(work);
      return;
    }
    this.#finish(work);
    const { hardState } = work;
    if (hardState === undefined) return;
    this.#appends.push({ entries: [], hardState, responses: [], mustSync: false });
  }

  /** Reads entries back that the core asked the log for. */
  fetch(low: number, high: number): void {
    this.#fetches.fetch(low, high);
  }

  /** Takes everything that is applied out of the log; returns its first index then. */
  async compact(): Promise<number> {
    const { log, changed } = this.#options;
    await new Promise<void>((resolve) => {
      this.#compactionWaiters.push(resolve);
      this.#compaction.force();
      changed();
    });
    return log.firstIndex();
  }

  /** Something waits for the disk; what does not goes along, or is written with the next tick. */
  get needsRound(): boolean {
    const { host, applier } = this.#options;
    return this.#appends.isUrgent || applier.unwrittenBytes > host.limits.unwrittenBytesMax;
  }

  /** This replica's part of the next round, if it has one. */
  buildRound(): { readonly round: ReplicaRound; readonly sync: boolean } | undefined {
    assert(this.#built === undefined, "one round at a time");
    const { replica, applier, reads, snapshots } = this.#options;
    const idle = this.#appends.isEmpty && !applier.hasUnwritten;
    if (idle && !this.#compaction.isForced) return undefined;
    const append = this.#appends.take();
    const install = snapshots.take(append);
    if (install !== undefined) {
      // From here on nothing of the former state may reach the disk any more.
      applier.reset(install.state);
      reads.hold(true);
    }
    const unwritten = applier.takeUnwritten();
    const compactTo =
      install === undefined
        ? this.#compaction.plan(unwritten?.state ?? this.#persisted)
        : undefined;
    const compacted = this.#compactionWaiters;
    this.#compactionWaiters = [];
    this.#built = { append, unwritten, install, compactTo, compacted };
    return {
      sync: append.mustSync || install !== undefined,
      round: {
        replica,
        ...(append.hardState === undefined ? {} : { hardState: append.hardState }),
        ...(append.entries.length === 0 ? {} : { entries: append.entries }),
        ...(compactTo === undefined ? {} : { compactTo }),
        ...(unwritten === undefined ? {} : { applied: unwritten }),
        ...(install === undefined ? {} : { install: install.sink }),
      },
    };
  }

  roundWritten(round: number): void {
    const built = this.#built;
    if (built === undefined) return;
    const { log, applier, reads, snapshots, changed } = this.#options;
    this.#built = undefined;
    this.#appends.written();
    if (built.unwritten !== undefined) {
      applier.written(round, built.unwritten.writes);
      this.#persisted = built.unwritten.state;
    }
    if (built.install !== undefined) this.#installed(built.install.state);
    if (built.compactTo !== undefined) {
      log.compact(built.compactTo);
      this.#compaction.compacted(built.compactTo);
      this.#fetches.compacted(built.compactTo);
    }
    for (const done of built.compacted) done();
    for (const work of built.append.works) this.#finish(work);
    if (built.install !== undefined) snapshots.written(built.install);
    reads.release();
    changed();
  }

  #installed(state: AppliedState): void {
    const { log, reads, installed } = this.#options;
    reads.hold(false);
    this.#fetches.reset();
    this.#persisted = state;
    log.reset(state);
    this.#compaction.reset();
    installed(state);
  }

  /** The work is durable: what depends on it may leave. */
  #finish(work: AppendWork): void {
    const { host, shard, replica, group, log } = this.#options;
    log.append(work.entries);
    this.#compaction.appended(work.entries);
    for (const message of work.responses) {
      if (message.to === replica) group.step(message);
      else host.send(shard, message);
    }
    if (work.done !== undefined) group.appended(work.done);
  }
}
