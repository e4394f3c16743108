import type { ClusterError } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import { decodeConfChange, NONE, RaftGroup } from "../raft/index.js";
import type { ConfChange, ConfState, Message, Ready, ReplicaId, SoftState } from "../raft/index.js";
import { Applier } from "./applier.js";
import type { AppliedEntry } from "./applier.js";
import { coreConfig } from "./core-config.js";
import { Feed } from "./feed.js";
import { holdVotes } from "./held-votes.js";
import { KeptPromise } from "./kept-promise.js";
import { LeaderDuties } from "./leader-duties.js";
import { Leadership } from "./leadership.js";
import { LogTime } from "./log-time.js";
import { MEMBER_ROWS, memberWrites } from "./members.js";
import type {
  AppliedState,
  FeedRow,
  KnownReplica,
  LogId,
  OpenedReplica,
  SnapshotSource,
} from "./ports.js";
import { Proposer } from "./proposer.js";
import { notLeader, stopping } from "./refusals.js";
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
import { ReplicaLog } from "./replica-log.js";
import { ReplicaReads } from "./replica-reads.js";
import { ReplicaRounds } from "./replica-rounds.js";
import { describeReplica } from "./replica-status.js";
import { SnapshotInstall } from "./snapshot-install.js";
import { StateCache } from "./state-cache.js";

const MS_PER_SECOND = 1000;
/** A node that stops gives its followers this long: they may be stopping too. */
const STOP_TRANSFER_MS = 500;

/** One replica of one shard: the core, its log, its state, and everyone who waits for it. */
export class Replica implements ReplicaHandle {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  readonly rounds: ReplicaRounds;
  readonly snapshots: SnapshotInstall;
  readonly #host: ReplicaHost;
  readonly #load: ReplicaLoad;
  readonly #group: RaftGroup;
  readonly #log: ReplicaLog;
  readonly #applier: Applier;
  readonly #feed: Feed;
  readonly #proposer: Proposer;
  readonly #reads: ReplicaReads;
  readonly #logTime: LogTime;
  readonly #promise: KeptPromise;
  readonly #leadership: Leadership;
  readonly #duties: LeaderDuties;
  #stopping = false;

  constructor(
    host: ReplicaHost,
    options: {
      readonly shard: ShardNumber;
      readonly replica: ReplicaId;
      readonly opened: OpenedReplica;
    },
  ) {
    const { shard, replica, opened } = options;
    this.shard = shard;
    this.replica = replica;
    this.#host = host;
    const cache = new StateCache(host.limits.cacheBytesMax);
    this.#load = new ReplicaLoad(() => host.clock.monotonicMs());
    const machine = measuredMachine(host.machine, this.#load);
    this.#logTime = new LogTime(host.clock, () => host.conditions.medianWallMs(this.voterNodes));
    this.#logTime.observe(opened.applied.timeMs);
    this.#log = new ReplicaLog({
      opened,
      fetch: (low, high) => {
        this.rounds.fetch(low, high);
      },
      snapshotState: () => {
        const { index, term, confState } = this.rounds.persisted;
        return { index, term, confState };
      },
    });
    this.#applier = new Applier({
      ...{ machine, cache },
      codec: host.codec,
      digest: host.digest,
      initial: opened.applied,
      read: (keys, ranges) => host.store.read(replica, keys, ranges),
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
        host.observer.applied(shard, results.length, ms / MS_PER_SECOND);
        const audited = results.reduce((sum, entry) => sum + entry.audited, 0);
        if (audited > 0) host.observer.audited(shard, audited);
      },
      posted: (target) => {
        host.observer.posted(shard, target);
      },
      failed: (error) => {
        host.fatal(error);
      },
    });
    this.#feed = new Feed(
      {
        clock: host.clock,
        read: (after, read) => host.store.readFeed(replica, after, read),
        leaderAgeMs: () => this.#reads.ageMs(),
      },
      opened.applied,
    );
    this.#group = new RaftGroup(coreConfig(replica, opened, host.limits, host.random), this.#log);
    const changed = (): void => {
      host.schedule(this);
    };
    const nodeOf = (id: ReplicaId): string => this.#nodeOf(id);
    const engine = {
      ...{ host, shard, replica, nodeOf, changed },
      ...{ group: this.#group, log: this.#log, applier: this.#applier, load: this.#load },
    };
    this.#leadership = new Leadership({
      ...engine,
      voters: () => this.#applier.state.confState.voters,
    });
    this.#proposer = new Proposer({
      ...engine,
      logTime: this.#logTime,
      leadership: this.#leadership,
    });
    this.#reads = new ReplicaReads({
      ...{ ...engine, machine, cache },
      persisted: () => this.rounds.persisted,
    });
    this.#duties = new LeaderDuties({
      ...engine,
      logTime: this.#logTime,
      execute: (bytes, how) => this.execute(bytes, how),
    });
    this.snapshots = new SnapshotInstall({
      ...engine,
      isNeeded: opened.lost?.needsSnapshot ?? false,
      featureLevel: host.machine.featureLevel,
      process: () => {
        this.process();
        return this.rounds.hasSnapshot;
      },
      failed: (error) => {
        host.fatal(error);
      },
    });
    this.rounds = new ReplicaRounds({
      ...engine,
      reads: this.#reads,
      snapshots: this.snapshots,
      initial: opened.applied,
      installed: (state) => {
        this.#installed(state);
      },
    });
    this.#promise = new KeptPromise({
      ...engine,
      opened,
      lost: (promised, reason) => {
        host.observer.promiseLost(shard, reason);
        host.store.noteLost(replica, promised).catch((error: unknown) => {
          host.fatal(error);
        });
        changed();
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
    const maxStalenessMs = this.snapshots.isNeeded ? 0 : options.maxStalenessMs;
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

  compact(): Promise<number> {
    return this.rounds.compact();
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

  /** Whether the replica is in the group, as of what is applied here. */
  knows(replica: ReplicaId): boolean {
    const { voters, learners, votersOutgoing } = this.#applier.state.confState;
    return [voters, learners, votersOutgoing].some((half) => half.includes(replica));
  }

  /** False before it was added to its group and after it was removed: nobody sends it anything. */
  get #isMember(): boolean {
    return this.knows(this.replica);
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
    if (this.snapshots.isNeeded && message.kind === "append" && message.prevIndex === 0) return;
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
    if (this.isLeader) this.#duties.tick(now);
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

  async stop(): Promise<void> {
    if (this.isLeader) {
      await this.transferLeader(undefined, STOP_TRANSFER_MS).catch(() => undefined);
    }
    this.#stopping = true;
    this.snapshots.stop();
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
    if (ready.append !== undefined) this.rounds.append(ready.append);
    if (ready.apply !== undefined) this.#applier.enqueue(ready.apply.entries);
  }

  #roleChanged(soft: SoftState): void {
    const was = this.#leadership.become(soft);
    if (soft.role === "leader" && was.role !== "leader") {
      this.#logTime.lead();
      this.#duties.begin();
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
      this.#duties.applied(entry.reply);
      this.#proposer.applied(entry, epoch);
    }
    this.#logTime.observe(timeMs);
    this.#feed.publish(feed, firstSequence);
    this.#group.applied(this.#applier.state.index);
    this.#reads.release();
    this.#host.schedule(this);
  }

  #installed(state: AppliedState): void {
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
