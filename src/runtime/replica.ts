import { assert } from "../base/index.js";
import type { ClusterError } from "../base/index.js";
import { SWEEP_MORE } from "../machine/index.js";
import type { Machine } from "../machine/index.js";
import type { ShardNumber } from "../placement/index.js";
import { decodeConfChange, NONE, RaftGroup } from "../raft/index.js";
import type {
  AppendWork,
  ConfChange,
  ConfState,
  Message,
  Ready,
  ReplicaId,
  SoftState,
} from "../raft/index.js";
import { AppendQueue } from "./append-queue.js";
import type { MergedAppend } from "./append-queue.js";
import { Applier } from "./applier.js";
import type { AppliedEntry, UnwrittenState } from "./applier.js";
import { Compaction } from "./compaction.js";
import { frameLevel } from "./entry-frame.js";
import { Feed } from "./feed.js";
import { coreConfig } from "./core-config.js";
import { holdVotes } from "./held-votes.js";
import { KeptPromise } from "./kept-promise.js";
import { Leadership } from "./leadership.js";
import { LevelRaise } from "./level-raise.js";
import { LogFetches } from "./log-fetches.js";
import { LogTime } from "./log-time.js";
import type {
  AppliedState,
  FeedRow,
  IncomingSnapshot,
  KnownReplica,
  LogId,
  OpenedReplica,
  ReplicaRound,
  SnapshotSink,
  SnapshotSource,
} from "./ports.js";
import { MEMBER_ROWS, memberWrites, replicasOf } from "./members.js";
import { Proposer } from "./proposer.js";
import { notLeader, stopping, tooOld } from "./refusals.js";
import type {
  Executed,
  FeedBatch,
  ReadOptions,
  ReplicaHandle,
  ReplicaStatus,
  StateHash,
} from "./replica-handle.js";
import type { ReplicaHost } from "./replica-host.js";
import { measuredMachine, ReplicaLoad } from "./replica-load.js";
import { ReplicaReads } from "./replica-reads.js";
import { ReplicaLog } from "./replica-log.js";
import { describeReplica } from "./replica-status.js";
import { SnapshotInstall } from "./snapshot-install.js";
import type { TakenSnapshot } from "./snapshot-install.js";
import { StateCache } from "./state-cache.js";
import { Sweeper } from "./sweeper.js";

const MS_PER_SECOND = 1000;
/** A node that stops gives its followers this long: they may be stopping too. */
const STOP_TRANSFER_MS = 500;

interface BuiltRound {
  readonly append: MergedAppend;
  readonly unwritten: UnwrittenState | undefined;
  readonly install: TakenSnapshot | undefined;
  readonly compactTo: LogId | undefined;
  /** Who asked for the compaction, if anyone did. */
  readonly compacted: readonly (() => void)[];
}

/** One replica of one shard: the core, its log, its state, and everyone who waits for it. */
export class Replica implements ReplicaHandle {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  readonly #host: ReplicaHost;
  readonly #load: ReplicaLoad;
  readonly #machine: Machine;
  readonly #group: RaftGroup;
  readonly #log: ReplicaLog;
  readonly #cache: StateCache;
  readonly #applier: Applier;
  readonly #feed: Feed;
  readonly #appends = new AppendQueue();
  readonly #proposer: Proposer;
  readonly #reads: ReplicaReads;
  readonly #logTime: LogTime;
  readonly #promise: KeptPromise;
  /** The state on the disk is damaged: nothing is written before a snapshot was installed. */
  #needsSnapshot: boolean;
  readonly #leadership: Leadership;
  /** As of the last written round. */
  #persisted: AppliedState;
  readonly #install: SnapshotInstall;
  #built: BuiltRound | undefined;
  readonly #sweeper: Sweeper;
  readonly #levelRaise: LevelRaise;
  #stopping = false;
  readonly #compaction: Compaction;
  readonly #fetches: LogFetches;
  #compactionWaiters: (() => void)[] = [];

  constructor(
    host: ReplicaHost,
    options: {
      readonly shard: ShardNumber;
      readonly replica: ReplicaId;
      readonly opened: OpenedReplica;
    },
  ) {
    const { opened } = options;
    this.shard = options.shard;
    this.replica = options.replica;
    this.#host = host;
    this.#cache = new StateCache(host.limits.cacheBytesMax);
    this.#load = new ReplicaLoad(() => host.clock.monotonicMs());
    this.#machine = measuredMachine(host.machine, this.#load);
    this.#logTime = new LogTime(host.clock, () => host.conditions.medianWallMs(this.voterNodes));
    this.#logTime.observe(opened.applied.timeMs);
    this.#persisted = opened.applied;
    this.#needsSnapshot = opened.lost?.needsSnapshot ?? false;
    this.#log = new ReplicaLog({
      opened,
      fetch: (low, high) => {
        this.#fetches.fetch(low, high);
      },
      snapshotState: () => this.#snapshotState(),
    });
    this.#applier = new Applier({
      machine: this.#machine,
      codec: host.codec,
      digest: host.digest,
      cache: this.#cache,
      initial: opened.applied,
      read: (keys, ranges) => host.store.read(this.replica, keys, ranges),
      round: () => host.nextRound(),
      applyConfChange: (entry) => {
        const change = decodeConfChange(entry.data);
        const writes = memberWrites(change);
        host.members.applied(writes);
        return { confState: this.#group.applyConfChange(change, entry.index), writes };
      },
      nowMs: () => host.clock.monotonicMs(),
      applied: (results, feed, ms) => {
        this.#applied(results, feed);
        host.observer.applied(this.shard, results.length, ms / MS_PER_SECOND);
        const audited = results.reduce((sum, entry) => sum + entry.audited, 0);
        if (audited > 0) host.observer.audited(this.shard, audited);
      },
      posted: (target) => {
        host.observer.posted(this.shard, target);
      },
      failed: (error) => {
        host.fatal(error);
      },
    });
    this.#feed = new Feed(
      {
        clock: host.clock,
        read: (after, read) => host.store.readFeed(this.replica, after, read),
        leaderAgeMs: () => this.#reads.ageMs(),
      },
      opened.applied,
    );
    const { limits } = host;
    this.#sweeper = new Sweeper(
      {
        limits,
        state: () => this.#applier.state,
        readFeed: (after, read) => host.store.readFeed(this.replica, after, read),
        propose: (trimFeedTo) => {
          const bytes = host.encodeSweep(limits.sweepRowsMax, trimFeedTo);
          this.execute(bytes, { timeoutMs: limits.sweepMs }).catch(() => undefined);
        },
        failed: (error) => {
          host.fatal(error);
        },
      },
      host.clock.monotonicMs(),
    );
    this.#levelRaise = new LevelRaise({
      own: host.machine.featureLevel,
      state: () => this.#applier.state,
      memberNodes: () =>
        replicasOf(this.#applier.state.confState)
          .filter((replica) => replica !== this.replica)
          .map((replica) => this.#nodeOf(replica)),
      announced: (node) => host.conditions.featureLevelOf(node),
      propose: (level) => {
        const proposed = this.#group.propose([frameLevel(this.#logTime.stamp(), level)]);
        return proposed.kind === "refused" ? undefined : proposed.firstIndex;
      },
    });
    this.#group = new RaftGroup(coreConfig(this.replica, opened, limits, host.random), this.#log);
    this.#install = new SnapshotInstall(this.#group);
    const nodeOf = (id: ReplicaId): string => this.#nodeOf(id);
    this.#leadership = new Leadership({
      ...{ host, group: this.#group, replica: this.replica, nodeOf },
      voters: () => this.#applier.state.confState.voters,
      changed: () => {
        host.schedule(this);
      },
    });
    const engine = { host, group: this.#group, applier: this.#applier, load: this.#load, nodeOf };
    this.#proposer = new Proposer({
      ...engine,
      logTime: this.#logTime,
      leadership: this.#leadership,
      failed: (count, reason) => {
        host.observer.proposalsFailed(this.shard, count, reason);
      },
      committed: (seconds) => {
        host.observer.committed(this.shard, seconds);
      },
    });
    this.#reads = new ReplicaReads({
      ...engine,
      replica: this.replica,
      machine: this.#machine,
      cache: this.#cache,
      persisted: () => this.#persisted,
    });
    this.#promise = new KeptPromise({
      opened,
      log: this.#log,
      group: this.#group,
      lost: (promised, reason) => {
        host.observer.promiseLost(this.shard, reason);
        host.store.noteLost(this.replica, promised).catch((error: unknown) => {
          host.fatal(error);
        });
        host.schedule(this);
      },
    });
    this.#compaction = new Compaction(limits, this.#log);
    this.#fetches = new LogFetches({
      log: this.#log,
      group: this.#group,
      compaction: this.#compaction,
      read: (low, high) => host.store.readEntries(this.replica, low, high, limits.fetchBytesMax),
      persistedIndex: () => this.#persisted.index,
      changed: () => {
        host.schedule(this);
      },
      failed: (error) => {
        host.fatal(error);
      },
    });
  }

  // ---- what the services of the node call

  execute(bytes: Uint8Array, options: { readonly timeoutMs: number }): Promise<Executed> {
    if (this.#stopping) return Promise.reject(stopping());
    const executed = this.#proposer.execute(bytes, options.timeoutMs);
    this.#host.schedule(this);
    return executed;
  }

  read(bytes: Uint8Array, options: ReadOptions): Promise<Executed> {
    const refusal = this.#refuseRead();
    if (refusal !== undefined) return Promise.reject(refusal);
    // What is damaged is not answered from, however old an answer may be.
    const maxStalenessMs = this.#needsSnapshot ? 0 : options.maxStalenessMs;
    const executed = this.#reads.read(bytes, { ...options, maxStalenessMs });
    this.#host.schedule(this);
    return executed;
  }

  openSnapshot({ timeoutMs }: { readonly timeoutMs: number }): Promise<SnapshotSource> {
    const refusal = this.#refuseRead();
    if (refusal !== undefined) return Promise.reject(refusal);
    const opened = this.#reads.openSnapshot(timeoutMs);
    this.#host.schedule(this);
    return opened;
  }

  changes(options: {
    readonly after: number;
    readonly channels: readonly string[];
    readonly signal: AbortSignal;
  }): AsyncIterable<FeedBatch> {
    return this.#feed.changes(options);
  }

  status(): ReplicaStatus {
    return describeReplica({
      shard: this.shard,
      replica: this.replica,
      raft: this.#group.status(),
      applied: this.#applier.state,
      firstIndex: this.#log.firstIndex(),
      lostReason: this.#promise.lostReason,
      pending: this.#proposer.open,
      readsPending: this.#reads.size,
      leaderAgeMs: this.#reads.ageMs(),
      members: this.#host.members,
      load: this.#load.status,
    });
  }

  get nextReplicaId(): ReplicaId {
    return this.#host.members.nextId(this.shard);
  }

  stateHash(index: number): StateHash | undefined {
    const { state } = this.#applier;
    const hash = this.#applier.hashAt(index === 0 ? state.index : index);
    return hash && { index: index === 0 ? state.index : index, hash: toHex(hash) };
  }

  transferLeader(to: ReplicaId | undefined, timeoutMs?: number): Promise<string> {
    return this.#leadership.transfer(to, timeoutMs);
  }

  async compact(): Promise<number> {
    await new Promise<void>((resolve) => {
      this.#compactionWaiters.push(resolve);
      this.#compaction.force();
      this.#host.schedule(this);
    });
    return this.#log.firstIndex();
  }

  changeMembership(
    change: ConfChange,
    options: { readonly timeoutMs: number },
  ): Promise<ConfState> {
    if (this.#stopping) return Promise.reject(stopping());
    const changed = this.#proposer.changeMembership(change, options.timeoutMs);
    this.#host.schedule(this);
    return changed;
  }

  // ---- what the runtime calls

  /** Reads from the disk who joined the group; before anything else, and after a snapshot. */
  async loadMembers(): Promise<void> {
    const { ranges } = await this.#host.store.read(this.replica, [], [MEMBER_ROWS]);
    this.#host.members.load(ranges[0] ?? [], this.#applier.state.confState);
  }

  /** False before it was added to its group and after it was removed: nobody sends it anything. */
  get #isMember(): boolean {
    const { voters, learners, votersOutgoing } = this.#applier.state.confState;
    return [voters, learners, votersOutgoing].some((half) => half.includes(this.replica));
  }

  get isLeader(): boolean {
    return this.#leadership.isOwn;
  }

  /** Nodes whose replicas vote in this group, as of what is applied here. */
  get voterNodes(): readonly string[] {
    return this.#leadership.voterNodes;
  }

  /** Whether this node should lead the group while another can. */
  get isFit(): boolean {
    return this.#leadership.isFit;
  }

  /** Its node was told what the others remember. */
  settle(): void {
    this.#leadership.settle();
  }

  /** What of the log the sender of a message says that it holds, durably. */
  acknowledgedBy(message: Message): LogId | undefined {
    if (message.kind !== "append-response" || message.reject || !this.isLeader) return undefined;
    if (message.index === 0 || message.term !== this.#group.term) return undefined;
    const term = this.#group.findTerm(message.index);
    return term === undefined ? undefined : { index: message.index, term };
  }

  /** Somebody heard this replica promise something, before it was started again. */
  remind(known: KnownReplica, isOldCopy: boolean): void {
    this.#promise.remind(known, isOldCopy);
  }

  get leader(): ReplicaId {
    return this.#leadership.leader;
  }

  get term(): number {
    return this.#group.term;
  }

  get firstIndex(): number {
    return this.#log.firstIndex();
  }

  get lastIndex(): number {
    return this.#log.lastIndex();
  }

  step(message: Message): void {
    // The log from its start does not tell what a snapshot would.
    if (this.#needsSnapshot && message.kind === "append" && message.prevIndex === 0) return;
    // The leader knows why from this node's first words, and tries again with every heartbeat. A new leader's own empty
    // entry is taken, or nothing could be read from a group whose disks are all full.
    const hasData = message.kind === "append" && (message.entries.at(-1)?.data.length ?? 0) > 0;
    if (hasData && this.#host.conditions.isOwnDiskFull) return;
    this.#load.during(() => this.#group.step(message));
    this.#host.schedule(this);
  }

  tick(): void {
    this.#load.sample();
    const now = this.#host.clock.monotonicMs();
    this.#leadership.tick();
    this.#proposer.tick(now);
    const { expired, slow } = this.#reads.expire(now);
    if (expired > 0) this.#host.observer.readsFailed(this.shard, expired);
    if (slow > 0) this.#host.observer.readIndexSlow(this.shard, slow);
    if (this.isLeader) {
      this.#sweeper.sweepIfDue(now);
      this.#levelRaise.tick();
    }
    this.#host.schedule(this);
  }

  /** The leader's node is gone for certain: do not wait for the election timeout. */
  leaderGone(): void {
    if (!this.#stopping) this.#leadership.gone();
  }

  yieldLeadership(atOnce: boolean): void {
    this.#leadership.yield(atOnce);
  }

  unreachable(replica: ReplicaId): void {
    this.#group.reportUnreachable(replica);
  }

  snapshotSent(to: ReplicaId, installed: boolean): void {
    this.#group.reportSnapshot(to, installed);
    this.#host.schedule(this);
  }

  /** Feeds the core what was gathered, and hands on what it wants done. */
  process(): void {
    // Until the disk is free, entries could not be appended here anyway: gathered longer, they cost fewer rounds and messages.
    this.#load.during(() => {
      if (!this.#host.isWriting()) this.#proposer.propose();
      this.#reads.ask(this.#feed.hasReaders);
      while (this.#group.hasReady()) this.#handle(this.#group.ready());
    });
  }

  /** Something waits for the disk; what does not goes along, or is written with the next tick. */
  get needsRound(): boolean {
    const { unwrittenBytesMax } = this.#host.limits;
    return this.#appends.isUrgent || this.#applier.unwrittenBytes > unwrittenBytesMax;
  }

  /** This replica's part of the next round, if it has one. */
  buildRound(): { readonly round: ReplicaRound; readonly sync: boolean } | undefined {
    assert(this.#built === undefined, "one round at a time");
    const idle = this.#appends.isEmpty && !this.#applier.hasUnwritten;
    if (idle && !this.#compaction.isForced) return undefined;
    const append = this.#appends.take();
    const install = this.#install.take(append);
    if (install !== undefined) {
      // From here on nothing of the former state may reach the disk any more.
      this.#applier.reset(install.state);
      this.#reads.hold(true);
    }
    const unwritten = this.#applier.takeUnwritten();
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
        replica: this.replica,
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
    this.#built = undefined;
    this.#appends.written();
    if (built.unwritten !== undefined) {
      this.#applier.written(round, built.unwritten.writes);
      this.#persisted = built.unwritten.state;
    }
    if (built.install !== undefined) this.#installed(built.install.state);
    if (built.compactTo !== undefined) {
      this.#log.compact(built.compactTo);
      this.#compaction.compacted(built.compactTo);
      this.#fetches.compacted(built.compactTo);
    }
    for (const done of built.compacted) done();
    for (const work of built.append.works) this.#finish(work);
    built.install?.resolve(true);
    this.#reads.release();
    this.#host.schedule(this);
  }

  wantsSnapshot(incoming: IncomingSnapshot): boolean {
    return !this.#stopping && this.#install.wants(incoming);
  }

  /** It was not wanted: where that is because all of it is here, the leader hears so. */
  declineSnapshot(incoming: IncomingSnapshot): void {
    // A damaged state is not what the log would go on from.
    if (this.#stopping || this.#needsSnapshot) return;
    this.#install.answerIfKnown(incoming);
    this.#host.schedule(this);
  }

  /** Whether the snapshot became this replica's state. */
  installSnapshot(incoming: IncomingSnapshot, sink: SnapshotSink): Promise<boolean> {
    const { featureLevel } = this.#host.machine;
    if (sink.state !== undefined && sink.state.featureLevel > featureLevel) {
      this.#host.fatal(tooOld(sink.state.featureLevel, featureLevel));
      return Promise.resolve(false);
    }
    return this.#install.offer(incoming, sink, () => {
      this.process();
      this.#host.schedule(this);
      return this.#appends.hasSnapshot;
    });
  }

  async stop(): Promise<void> {
    if (this.isLeader) {
      await this.transferLeader(undefined, STOP_TRANSFER_MS).catch(() => undefined);
    }
    this.#stopping = true;
    this.#leadership.stop();
    this.#proposer.stop();
    this.#reads.stop();
    this.#feed.stop();
  }

  #refuseRead(): ClusterError | undefined {
    if (this.#stopping) return stopping();
    return this.#isMember ? undefined : notLeader(this.#leadership.leaderNode);
  }

  #nodeOf(replica: ReplicaId): string {
    return replica === NONE ? "" : this.#host.members.nodeOf(replica);
  }

  // ---- what the core wants done

  #handle(given: Ready): void {
    const ready = holdVotes(given);
    if (ready.softState !== undefined) this.#roleChanged(ready.softState);
    for (const message of ready.messages) {
      if (message.kind === "snapshot") this.#host.sendSnapshot(this, message);
      else this.#host.send(this.shard, message);
    }
    this.#reads.confirmed(ready.readStates);
    if (ready.append !== undefined) this.#append(ready.append);
    if (ready.apply !== undefined) this.#applier.enqueue(ready.apply.entries);
  }

  #append(work: AppendWork): void {
    if (!this.#appends.isFree(work)) {
      this.#appends.push(work);
      return;
    }
    this.#finish(work);
    const { hardState } = work;
    if (hardState === undefined) return;
    this.#appends.push({ entries: [], hardState, responses: [], mustSync: false });
  }

  /** The work is durable: what depends on it may leave. */
  #finish(work: AppendWork): void {
    this.#log.append(work.entries);
    this.#compaction.appended(work.entries);
    for (const message of work.responses) {
      if (message.to === this.replica) this.#group.step(message);
      else this.#host.send(this.shard, message);
    }
    if (work.done !== undefined) this.#group.appended(work.done);
  }

  #roleChanged(soft: SoftState): void {
    const was = this.#leadership.become(soft);
    if (soft.role === "leader" && was.role !== "leader") {
      this.#logTime.lead();
      this.#levelRaise.lead();
    }
    if (soft.role !== "leader" && was.role === "leader") {
      this.#proposer.abandon("the leader changed before the command was known to be committed");
    }
    const leaderChanged = soft.leader !== was.leader;
    this.#host.observer.roleChanged(this.shard, soft.role, { term: this.term, leaderChanged });
  }

  #applied(results: readonly AppliedEntry[], feed: readonly FeedRow[]): void {
    const { epoch, firstSequence, timeMs } = this.#applier.state;
    for (const entry of results) {
      const { reply } = entry;
      if (reply?.kind === "done" && reply.name === SWEEP_MORE) this.#sweeper.continue();
      this.#proposer.applied(entry, epoch);
    }
    this.#logTime.observe(timeMs);
    this.#feed.publish(feed, firstSequence);
    this.#group.applied(this.#applier.state.index);
    this.#reads.release();
    this.#host.schedule(this);
  }

  // ---- log and snapshots

  #snapshotState(): LogId & { readonly confState: ConfState } {
    const { index, term, confState } = this.#persisted;
    return { index, term, confState };
  }

  #installed(state: AppliedState): void {
    this.#needsSnapshot = false;
    this.#reads.hold(false);
    this.#fetches.reset();
    this.#persisted = state;
    this.#log.reset(state);
    this.#compaction.reset();
    this.#feed.reset(state);
    this.#logTime.observe(state.timeMs);
    this.#proposer.abandon("the state was replaced by a snapshot");
    this.loadMembers().catch((error: unknown) => {
      this.#host.fatal(error);
    });
  }
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
