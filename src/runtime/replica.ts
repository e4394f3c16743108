import { assert, ClusterError } from "../base/index.js";
import type { Command } from "../domain/index.js";
import { SWEEP_MORE } from "../machine/index.js";
import type { KeyRange, StateKey } from "../machine/index.js";
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
import { frameEntry } from "./entry-frame.js";
import { Feed } from "./feed.js";
import { Candidacy } from "./candidacy.js";
import { coreConfig } from "./core-config.js";
import { GatheredCommands } from "./gathered-commands.js";
import { HandOver } from "./hand-over.js";
import { holdVotes } from "./held-votes.js";
import { KeptPromise } from "./kept-promise.js";
import { LogFetches } from "./log-fetches.js";
import { LogTime } from "./log-time.js";
import type {
  AppliedState,
  FeedRow,
  IncomingSnapshot,
  KnownReplica,
  LogId,
  OpenedReplica,
  ReadResult,
  ReplicaRound,
  SnapshotSink,
  SnapshotSource,
} from "./ports.js";
import { MEMBER_ROWS, memberWrites } from "./members.js";
import { OpenProposals } from "./proposals.js";
import { runQuery } from "./query-runner.js";
import { Reads } from "./reads.js";
import {
  diskFull,
  diskSlow,
  entryTooLarge,
  NOT_APPLIED,
  notLeader,
  overloaded,
  refusalError,
  stopping,
  tooNew,
} from "./refusals.js";
import type {
  Executed,
  FeedBatch,
  ReplicaHandle,
  ReplicaStatus,
  StateHash,
} from "./replica-handle.js";
import type { ReplicaHost } from "./replica-host.js";
import { ReplicaLog } from "./replica-log.js";
import { describeReplica } from "./replica-status.js";
import { Succession } from "./succession.js";
import { Sweeper } from "./sweeper.js";

const TRANSFER_TIMEOUT_MS = 3000;
/** A node that stops gives its followers this long: they may be stopping too. */
const STOP_TRANSFER_MS = 500;
/** While somebody follows the feed, its age is asked for this often. */
const FRESH_MS = 500;
const NO_REPLY = new Uint8Array();

interface PendingInstall {
  readonly sink: SnapshotSink;
  readonly resolve: (installed: boolean) => void;
}

interface BuiltRound {
  readonly append: MergedAppend;
  readonly unwritten: UnwrittenState | undefined;
  readonly install: PendingInstall | undefined;
  readonly compactTo: LogId | undefined;
  /** Who asked for the compaction, if anyone did. */
  readonly compacted: readonly (() => void)[];
}

/** One replica of one shard: the core, its log, its state, and everyone who waits for it. */
export class Replica implements ReplicaHandle {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  readonly #host: ReplicaHost;
  readonly #group: RaftGroup;
  readonly #log: ReplicaLog;
  readonly #applier: Applier;
  readonly #feed: Feed;
  readonly #appends = new AppendQueue();
  readonly #open = new OpenProposals();
  readonly #reads: Reads;
  readonly #logTime: LogTime;
  readonly #promise: KeptPromise;
  /** The state on the disk is damaged: nothing is written before a snapshot was installed. */
  #needsSnapshot: boolean;
  readonly #gathered = new GatheredCommands();
  #hasRoom = true;
  #soft: SoftState = { leader: NONE, role: "follower" };
  /** As of the last written round. */
  #persisted: AppliedState;
  #install: PendingInstall | undefined;
  #built: BuiltRound | undefined;
  readonly #sweeper: Sweeper;
  #stopping = false;
  readonly #compaction: Compaction;
  readonly #fetches: LogFetches;
  #compactionWaiters: (() => void)[] = [];
  readonly #candidacy: Candidacy;
  readonly #handOver: HandOver;
  readonly #succession: Succession;
  #goneLeader: ReplicaId = NONE;

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
    this.#reads = new Reads(host.store.boot);
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
      machine: host.machine,
      codec: host.codec,
      digest: host.digest,
      initial: opened.applied,
      read: (keys, ranges) => host.store.read(this.replica, keys, ranges),
      round: () => host.nextRound(),
      applyConfChange: (entry) => {
        const change = decodeConfChange(entry.data);
        const writes = memberWrites(change);
        host.members.applied(writes);
        return { confState: this.#group.applyConfChange(change, entry.index), writes };
      },
      applied: (results, feed) => {
        this.#applied(results, feed);
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
        leaderAgeMs: () => this.#ageMs(),
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
    this.#group = new RaftGroup(coreConfig(this.replica, opened, limits, host.random), this.#log);
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
    this.#candidacy = new Candidacy(this.#group, limits.electionTicks);
    this.#handOver = new HandOver(this.#group, host.clock, (replica) =>
      host.conditions.isFit(this.#nodeOf(replica), this.voterNodes),
    );
    this.#succession = new Succession({
      group: this.#group,
      clock: host.clock,
      random: host.random,
      withinMs: limits.goneCampaignMsMax,
      rank: () => this.#rankWithout(this.#goneLeader),
      campaigned: () => {
        host.schedule(this);
      },
    });
  }

  // ---- what the services of the node call

  execute(bytes: Uint8Array, options: { readonly timeoutMs: number }): Promise<Executed> {
    const refusal = this.#refuseProposal(bytes);
    if (refusal !== undefined) return Promise.reject(refusal);
    let command: Command;
    try {
      command = this.#host.codec.decodeCommand(bytes);
    } catch (cause) {
      return Promise.reject(
        new ClusterError("invalid-argument", "malformed command", NOT_APPLIED, cause),
      );
    }
    // Committed, it would stop every replica of this version, again after each restart.
    if (command.operation.kind === "unknown") return Promise.reject(tooNew());
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#host.clock.monotonicMs() + options.timeoutMs;
      this.#gathered.add({ bytes, command, deadlineMs, resolve, reject });
      this.#host.schedule(this);
    });
  }

  read(
    bytes: Uint8Array,
    options: {
      readonly timeoutMs: number;
      readonly minSequence: number;
      readonly maxStalenessMs: number;
    },
  ): Promise<Executed> {
    if (this.#stopping) return Promise.reject(stopping());
    if (!this.#isMember) return Promise.reject(notLeader(this.#nodeOf(this.#soft.leader)));
    if (this.#reads.size >= this.#host.limits.openReadsMax) {
      return Promise.reject(overloaded("too many reads are waiting"));
    }
    return new Promise((resolve, reject) => {
      const read = {
        minSequence: options.minSequence,
        deadlineMs: this.#host.clock.monotonicMs() + options.timeoutMs,
        run: () => {
          this.#answer(bytes).then(resolve, reject);
        },
        reject,
      };
      const mayBeStale = options.maxStalenessMs > 0 && !this.#needsSnapshot;
      if (mayBeStale && this.#ageMs() <= options.maxStalenessMs) {
        this.#reads.gatherStale(read);
        this.#reads.release(this.#persisted);
      } else {
        this.#reads.gather(read);
      }
      this.#host.schedule(this);
    });
  }

  openSnapshot({ timeoutMs }: { readonly timeoutMs: number }): Promise<SnapshotSource> {
    if (this.#stopping) return Promise.reject(stopping());
    if (!this.#isMember) return Promise.reject(notLeader(this.#nodeOf(this.#soft.leader)));
    return new Promise((resolve, reject) => {
      this.#reads.gather({
        minSequence: 0,
        deadlineMs: this.#host.clock.monotonicMs() + timeoutMs,
        run: () => {
          this.#host.store.openSnapshot(this.replica).then(resolve, reject);
        },
        reject,
      });
      this.#host.schedule(this);
    });
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
      pending: this.#open.size,
      members: this.#host.members,
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

  async transferLeader(
    to: ReplicaId | undefined,
    timeoutMs = TRANSFER_TIMEOUT_MS,
  ): Promise<string> {
    if (!this.isLeader) throw notLeader(this.#nodeOf(this.#soft.leader));
    this.#host.schedule(this);
    return this.#nodeOf(await this.#handOver.begin(to, timeoutMs));
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
    const proposed = this.#group.proposeConfChange(change);
    if (proposed.kind === "refused") {
      return Promise.reject(refusalError(proposed, (replica) => this.#nodeOf(replica)));
    }
    this.#host.schedule(this);
    const { firstIndex, term } = proposed;
    const deadlineMs = this.#host.clock.monotonicMs() + options.timeoutMs;
    return new Promise((resolve, reject) => {
      const applied = (): void => {
        resolve(this.#applier.state.confState);
      };
      this.#open.add(firstIndex, { term, deadlineMs, resolve: applied, reject });
    });
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
    return this.#soft.role === "leader";
  }

  /** Nodes whose replicas vote in this group, as of what is applied here. */
  get voterNodes(): readonly string[] {
    return this.#applier.state.confState.voters.map((replica) => this.#nodeOf(replica));
  }

  /** Whether this node should lead the group while another can. */
  get isFit(): boolean {
    const { conditions, nodeName } = this.#host;
    return conditions.isFit(nodeName, this.voterNodes);
  }

  /** Its node was told what the others remember. */
  settle(): void {
    this.#candidacy.settle();
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
    return this.#soft.leader;
  }

  get term(): number {
    return this.#group.term;
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
    this.#group.step(message);
    this.#host.schedule(this);
  }

  tick(): void {
    const now = this.#host.clock.monotonicMs();
    this.#hasRoom = this.#findRoom();
    this.#candidacy.tick(this.#soft.role, this.#soft.leader !== NONE, this.isFit);
    this.#group.tick();
    this.#handOver.tick();
    this.#open.expire(now);
    this.#gathered.expire(now);
    this.#reads.expire(now);
    if (this.isLeader) this.#sweeper.sweepIfDue(now);
    this.#host.schedule(this);
  }

  /** The leader's node is gone for certain: do not wait for the election timeout. */
  leaderGone(): void {
    if (this.#soft.leader === NONE || this.isLeader || this.#stopping) return;
    this.#goneLeader = this.#soft.leader;
    this.#succession.begin();
    this.#host.schedule(this);
  }

  /** How many voters come before this one, without the leader that is gone: everyone counts the same. */
  #rankWithout(leader: ReplicaId): number {
    const { voters } = this.#applier.state.confState;
    return voters.filter((voter) => voter < this.replica && voter !== leader).length;
  }

  /** What this replica promises would never be durable: another one has to lead, or at least not this one. */
  yieldLeadership(atOnce: boolean): void {
    if (!this.isLeader) return;
    if (atOnce) this.#group.stepDown();
    else if (!this.#handOver.isUnderWay) this.transferLeader(undefined).catch(() => undefined);
    this.#host.schedule(this);
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
    if (!this.#host.isWriting()) this.#proposeGathered();
    this.#askReads();
    while (this.#group.hasReady()) this.#handle(this.#group.ready());
  }

  /** Something waits for the disk; what does not goes along, or is written with the next tick. */
  get needsRound(): boolean {
    return (
      this.#appends.isUrgent ||
      this.#applier.unwrittenBytes > this.#host.limits.unwrittenBytesMax ||
      (this.#applier.hasUnwritten && this.#reads.waitForState)
    );
  }

  /** This replica's part of the next round, if it has one. */
  buildRound(): { readonly round: ReplicaRound; readonly sync: boolean } | undefined {
    assert(this.#built === undefined, "one round at a time");
    const idle = this.#appends.isEmpty && !this.#applier.hasUnwritten;
    if (idle && !this.#compaction.isForced) return undefined;
    const append = this.#appends.take();
    const install = this.#takeInstall(append);
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
    if (built.install?.sink.state !== undefined) this.#installed(built.install.sink.state);
    if (built.compactTo !== undefined) {
      this.#log.compact(built.compactTo);
      this.#compaction.compacted(built.compactTo);
      this.#fetches.compacted(built.compactTo);
    }
    for (const done of built.compacted) done();
    for (const work of built.append.works) this.#finish(work);
    built.install?.resolve(true);
    this.#reads.release(this.#persisted);
    this.#host.schedule(this);
  }

  /** Whether a snapshot that a leader offers would be of use. */
  wantsSnapshot(incoming: IncomingSnapshot): boolean {
    const status = this.#group.status();
    return (
      !this.#stopping &&
      this.#install === undefined &&
      incoming.term >= status.term &&
      incoming.index > status.commit
    );
  }

  /** All rows of a snapshot are in the sink: offers it to the core, and installs it if the core wants it. */
  installSnapshot(incoming: IncomingSnapshot, sink: SnapshotSink): Promise<boolean> {
    const { state } = sink;
    if (state === undefined || this.#install !== undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const install = { sink, resolve };
      this.#install = install;
      this.#group.step({
        kind: "snapshot",
        from: incoming.from,
        to: incoming.to,
        term: incoming.term,
        snapshot: {
          meta: { index: state.index, term: state.term, confState: state.confState },
          data: new Uint8Array(),
        },
      });
      this.process();
      this.#host.schedule(this);
      if (this.#install === install && !this.#appends.hasSnapshot) {
        // The core has that state already, or serves a newer leader.
        this.#install = undefined;
        void sink.discard();
        resolve(false);
      }
    });
  }

  async stop(): Promise<void> {
    if (this.isLeader) {
      await this.transferLeader(undefined, STOP_TRANSFER_MS).catch(() => undefined);
    }
    this.#stopping = true;
    this.#succession.end();
    this.#gathered.rejectAll(stopping());
    this.#open.abandon("this node is stopping");
    this.#reads.rejectAll(stopping());
    this.#feed.stop();
  }

  // ---- proposals

  #refuseProposal(bytes: Uint8Array): ClusterError | undefined {
    const { limits } = this.#host;
    if (this.#stopping) return stopping();
    if (!this.isLeader) return notLeader(this.#nodeOf(this.#soft.leader));
    if (this.#host.conditions.isOwnDiskFull || !this.#hasRoom) return diskFull();
    if (this.#host.diskSlow()) return diskSlow();
    if (bytes.length > limits.entryBytesMax)
      return entryTooLarge(bytes.length, limits.entryBytesMax);
    const waiting = this.#gathered.size + this.#open.size;
    if (waiting >= limits.openProposalsMax || this.#gathered.bytes >= limits.gatheredBytesMax) {
      return overloaded("too many commands are waiting");
    }
    return undefined;
  }

  /** On a quorum: what only a full disk could commit is not begun. */
  #findRoom(): boolean {
    const { conditions } = this.#host;
    const voters = this.voterNodes;
    const full = voters.filter((node) => conditions.isDiskFull(node)).length;
    return full <= (voters.length - 1) / 2;
  }

  #proposeGathered(): void {
    if (this.#gathered.size === 0) return;
    const batch = this.#gathered.take();
    const timeMs = this.#logTime.stamp();
    const result = this.#group.propose(batch.map(({ bytes }) => frameEntry(timeMs, bytes)));
    if (result.kind === "refused") {
      const error = refusalError(result, (replica) => this.#nodeOf(replica));
      for (const { reject } of batch) reject(error);
      this.#host.observer.proposalsFailed(this.shard, batch.length, result.reason);
      return;
    }
    batch.forEach(({ command, deadlineMs, resolve, reject }, i) => {
      const index = result.firstIndex + i;
      this.#open.add(index, { term: result.term, deadlineMs, resolve, reject });
      this.#applier.remember(index, result.term, command);
    });
  }

  #nodeOf(replica: ReplicaId): string {
    return replica === NONE ? "" : this.#host.members.nodeOf(replica);
  }

  // ---- reads

  #ageMs(): number {
    return this.#reads.ageMs(this.#host.clock.monotonicMs());
  }

  #askReads(): void {
    const now = this.#host.clock.monotonicMs();
    const isDue = this.#feed.hasReaders && this.#reads.sinceAskedMs(now) >= FRESH_MS;
    if (!this.#reads.hasGathered && !isDue) return;
    const context = this.#reads.beginRound(now);
    const result = this.#group.readIndex(context);
    if (result.kind === "refused")
      this.#reads.refuseRound(
        context,
        refusalError(result, (replica) => this.#nodeOf(replica)),
      );
  }

  async #answer(bytes: Uint8Array): Promise<Executed> {
    const { codec, machine, store } = this.#host;
    const read = (keys: readonly StateKey[], ranges: readonly KeyRange[]): Promise<ReadResult> =>
      store.read(this.replica, keys, ranges);
    const { reply, sequence } = await runQuery({ machine, codec, read }, bytes);
    return {
      reply,
      sequence: sequence ?? this.#persisted.sequence,
      epoch: this.#applier.state.epoch,
    };
  }

  // ---- what the core wants done

  #handle(given: Ready): void {
    const ready = holdVotes(given);
    if (ready.softState !== undefined) this.#roleChanged(ready.softState);
    for (const message of ready.messages) {
      if (message.kind === "snapshot") this.#host.sendSnapshot(this, message);
      else this.#host.send(this.shard, message);
    }
    for (const { context, index } of ready.readStates) this.#reads.confirmed(context, index);
    if (ready.readStates.length > 0) this.#reads.release(this.#persisted);
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
    const was = this.#soft;
    this.#soft = soft;
    if (soft.role === "leader" && was.role !== "leader") this.#logTime.lead();
    if (soft.role !== "leader" && was.role === "leader") {
      this.#open.abandon("the leader changed before the command was known to be committed");
    }
    this.#host.observer.roleChanged(this.shard, soft.role, soft.leader !== was.leader);
    this.#handOver.roleChanged(soft);
  }

  #applied(results: readonly AppliedEntry[], feed: readonly FeedRow[]): void {
    const { epoch, firstSequence, timeMs } = this.#applier.state;
    for (const { index, term, reply, sequence } of results) {
      if (reply?.kind === "done" && reply.name === SWEEP_MORE) this.#sweeper.continue();
      if (!this.#open.has(index, term)) this.#open.passed(index);
      else {
        // A change of members has no reply: that it is applied is the answer.
        const encoded = reply === undefined ? NO_REPLY : this.#host.codec.encodeReply(reply);
        this.#open.applied(index, term, { reply: encoded, sequence, epoch });
      }
    }
    this.#logTime.observe(timeMs);
    this.#feed.publish(feed, firstSequence);
    this.#group.applied(this.#applier.state.index);
    this.#host.observer.applied(this.shard, results.length);
    this.#host.schedule(this);
  }

  // ---- log and snapshots

  #snapshotState(): LogId & { readonly confState: ConfState } {
    const { index, term, confState } = this.#persisted;
    return { index, term, confState };
  }

  #takeInstall(append: MergedAppend): PendingInstall | undefined {
    const snapshot = append.works.find((work) => work.snapshot !== undefined)?.snapshot;
    if (snapshot === undefined) return undefined;
    const install = this.#install;
    this.#install = undefined;
    const state = install?.sink.state;
    assert(
      install !== undefined && state?.index === snapshot.meta.index,
      "the core restores a snapshot that nobody received",
    );
    // From here on nothing of the former state may reach the disk any more.
    this.#applier.reset(state);
    return install;
  }

  #installed(state: AppliedState): void {
    this.#needsSnapshot = false;
    this.#fetches.reset();
    this.#persisted = state;
    this.#log.reset(state);
    this.#compaction.reset();
    this.#feed.reset(state);
    this.#logTime.observe(state.timeMs);
    this.#open.abandon("the state was replaced by a snapshot");
    this.loadMembers().catch((error: unknown) => {
      this.#host.fatal(error);
    });
  }
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
