import type { Machine } from "../machine/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ConfState, Message, ReplicaId } from "../raft/index.js";
import type { Digest } from "./state-hash.js";
import { DEFAULT_LIMITS } from "./limits.js";
import type { RuntimeLimits } from "./limits.js";
import { isDiskFull } from "./disk-reserve.js";
import { NodeConditions } from "./node-conditions.js";
import { SILENT } from "./observer.js";
import type { RuntimeObserver } from "./observer.js";
import { JoinedReplicas } from "./joined-replicas.js";
import { Members, NO_MEMBERS } from "./members.js";
import type { Member } from "./members.js";
import { PeerRegistry } from "./peer-registry.js";
import type {
  EntryCodec,
  Clock,
  IncomingSnapshot,
  PeerHello,
  PeerListener,
  PeerMessage,
  PeerTransport,
  Random,
  ReplicaRound,
  SnapshotSink,
  Store,
  StoreUsage,
} from "./ports.js";
import { Recollection } from "./recollection.js";
import { Replica } from "./replica.js";
import type { ReplicaHost } from "./replica-host.js";
import type { ReplicaHandle } from "./replica-handle.js";

export interface RuntimeOptions {
  readonly clusterId: string;
  readonly nodeName: string;
  readonly store: Store;
  readonly machine: Machine;
  readonly codec: EntryCodec;
  readonly digest: Digest;
  readonly encodeSweep: (limit: number, trimFeedTo: number) => Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly replicas: readonly HostedReplica[];
  /** Node that hosts a replica which the cluster was formed with; empty if unknown. */
  readonly nodeOf: (replica: ReplicaId) => string;
  /** A replica joined a group, now or before: its node must be reached. May come again. */
  readonly onMember?: (member: Member) => void;
  /** Starts the network; called once, when everything is ready to listen. */
  readonly openTransport: (listener: PeerListener) => PeerTransport;
  readonly limits?: Partial<RuntimeLimits>;
  readonly observer?: Partial<RuntimeObserver>;
  /** The process must end: its state can no longer be trusted. Called once. */
  readonly onFatal: (error: unknown) => void;
}

export interface HostedReplica {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  /** Members of the group when it is formed; ignored once the replica exists. */
  readonly initial: ConfState;
}

export interface Runtime {
  /** Grows when this node joins a shard. */
  readonly replicas: readonly ReplicaHandle[];
  /** Hosts a new replica, which waits for its group's leader. Durable: it is there after a restart. */
  join(shard: ShardNumber, replica: ReplicaId): Promise<void>;
  /** Hands over what this node leads, stops, and closes the network; the store stays open. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Drives all replicas of a node. In each turn of the event loop everything that arrived is stepped through the cores first;
 * then messages leave, one frame a peer, and at most one round is on its way to the disk: one batch, one fsync, for all
 * replicas. What a round promises leaves only after it.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const peers = await PeerRegistry.open(options);
  const joined = await JoinedReplicas.open(options.store);
  const runtime = new NodeRuntime(options, peers, joined);
  await runtime.start();
  return runtime;
}

class NodeRuntime implements Runtime, PeerListener {
  readonly #options: RuntimeOptions;
  readonly #limits: RuntimeLimits;
  readonly #observer: RuntimeObserver;
  readonly #peers: PeerRegistry;
  readonly #joined: JoinedReplicas;
  readonly #members: Members;
  readonly #hostOfReplicas: ReplicaHost;
  readonly #byShard = new Map<ShardNumber, Replica>();
  readonly #scheduled = new Set<Replica>();
  readonly #outgoing = new Map<string, PeerMessage[]>();
  /** The latest append to a replica that brings nothing but a commit index. */
  readonly #held = new Map<ReplicaId, PeerMessage>();
  #releasePlanned = false;
  readonly #sending = new Set<ReplicaId>();
  #transport: PeerTransport | undefined;
  #turnPlanned = false;
  #writing = false;
  #writeStartMs = 0;
  /** A tick passed: what waits for company is written now. */
  #flushDue = false;
  #round = 0;
  readonly #life: number;
  readonly #conditions: NodeConditions;
  #recollection: Recollection | undefined;
  #stopped: Promise<void> | undefined;
  #failed = false;
  #cancelTick: () => void = () => undefined;
  #cancelDiskCheck: () => void = () => undefined;

  constructor(options: RuntimeOptions, peers: PeerRegistry, joined: JoinedReplicas) {
    this.#options = options;
    this.#peers = peers;
    this.#joined = joined;
    this.#members = new Members(options.nodeOf, options.onMember ?? (() => undefined));
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#observer = { ...SILENT, ...options.observer };
    this.#life = Math.floor(options.random() * Number.MAX_SAFE_INTEGER);
    this.#conditions = new NodeConditions(options.nodeName, options.clock);
    this.#hostOfReplicas = this.#host();
  }

  get replicas(): readonly ReplicaHandle[] {
    return [...this.#byShard.values()];
  }

  async start(): Promise<void> {
    for (const hosted of this.#joined.addTo(this.#options.replicas)) await this.#open(hosted);
    this.#recollection = this.#recollect();
    this.#transport = this.#options.openTransport(this);
    this.#recollection.begin();
    this.#planTick();
    this.#planDiskCheck();
  }

  #recollect(): Recollection {
    const { store, clock, nodeName } = this.#options;
    const voters = new Set([...this.#byShard.values()].flatMap(({ voterNodes }) => voterNodes));
    for (const node of [nodeName, ""]) voters.delete(node);
    return new Recollection({
      store,
      clock,
      life: this.#life,
      waitMs: this.#limits.electionTicks * this.#limits.tickMs,
      voters: [...voters],
      replicas: () => this.#byShard.values(),
      settled: () => {
        for (const replica of this.#byShard.values()) replica.settle();
      },
      failed: (error) => {
        this.#fail(error);
      },
    });
  }

  async join(shard: ShardNumber, replica: ReplicaId): Promise<void> {
    const former = this.#byShard.get(shard);
    if (former?.replica === replica) return;
    await this.#joined.add(shard, replica);
    // It was removed, or the group would not have given this node another one.
    await former?.stop();
    this.#byShard.delete(shard);
    await this.#open({ shard, replica, initial: NO_MEMBERS });
    // Nobody can remember anything of a new replica.
    this.#byShard.get(shard)?.settle();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #open({ shard, replica, initial }: HostedReplica): Promise<void> {
    const opened = await this.#options.store.openReplica(replica, initial);
    const open = new Replica(this.#hostOfReplicas, { shard, replica, opened });
    await open.loadMembers();
    this.#byShard.set(shard, open);
  }

  // ---- what the network calls

  hello(toNode: string): PeerHello {
    const { clusterId, nodeName, store, clock } = this.#options;
    return {
      clusterId,
      node: nodeName,
      storeId: store.storeId,
      toStoreId: this.#peers.storeOf(toNode),
      boot: store.boot,
      life: this.#life,
      wallMs: Math.max(0, Math.floor(clock.wallMs())),
      diskFull: this.#conditions.isOwnDiskFull,
      known: this.#peers.knownOf(toNode, (shard) => this.#byShard.get(shard)?.term ?? 0),
      replicas: [...this.#byShard.values()].map(({ shard, replica, lastIndex }) => ({
        shard,
        replica,
        lastIndex,
      })),
    };
  }

  admit(hello: PeerHello): string | undefined {
    const joinedWith = this.#members.storeOf(hello.node);
    const refusal =
      joinedWith === undefined || joinedWith === hello.storeId
        ? this.#peers.admit(hello)
        : `${hello.node} joined with another disk: it was wiped, and must join as a new one`;
    if (refusal !== undefined) {
      this.#observer.peerRefused(hello.node, refusal);
      return refusal;
    }
    for (const { replica } of hello.replicas) this.#members.claim(replica, hello.node);
    this.#conditions.hear(hello);
    this.#recollection?.hear(hello.node, hello.known);
    return undefined;
  }

  receive(fromNode: string, messages: readonly PeerMessage[]): void {
    for (const { shard, message } of messages) {
      const replica = this.#byShard.get(shard);
      if (replica === undefined || message.to !== replica.replica) continue;
      if (this.#members.nodeOf(message.from) !== fromNode) continue;
      this.#peers.heard(fromNode, message, replica.acknowledgedBy(message));
      replica.step(message);
    }
  }

  disconnected(node: string, refused: boolean): void {
    for (const replica of this.#byShard.values()) {
      for (const { replica: id, node: hostNode } of replica.isLeader
        ? replica.status().followers
        : []) {
        if (hostNode === node) replica.unreachable(id);
      }
      if (refused && this.#members.nodeOf(replica.leader) === node) replica.leaderGone();
    }
  }

  async beginSnapshot(incoming: IncomingSnapshot): Promise<SnapshotSink | undefined> {
    const replica = this.#byShard.get(incoming.shard);
    if (replica === undefined || replica.replica !== incoming.to) return undefined;
    if (!replica.wantsSnapshot(incoming)) return undefined;
    return this.#options.store.createSnapshotSink(replica.replica);
  }

  async finishSnapshot(incoming: IncomingSnapshot, sink: SnapshotSink): Promise<boolean> {
    const replica = this.#byShard.get(incoming.shard);
    const installed = (await replica?.installSnapshot(incoming, sink)) ?? false;
    this.#observer.snapshot(incoming.shard, "received", installed);
    return installed;
  }

  // ---- the turn

  #host(): ReplicaHost {
    const { clock, random, store, machine, codec, digest, encodeSweep, nodeName } = this.#options;
    return {
      clock,
      random,
      store,
      machine,
      codec,
      digest,
      limits: this.#limits,
      observer: this.#observer,
      encodeSweep,
      members: this.#members,
      schedule: (replica) => {
        this.#scheduled.add(replica);
        this.#planTurn();
      },
      send: (shard, message) => {
        this.#send(shard, message);
      },
      sendSnapshot: (replica, message) => {
        this.#sendSnapshot(replica, message);
      },
      nextRound: () => this.#round + 1,
      isWriting: () => this.#writing,
      nodeName,
      conditions: this.#conditions,
      diskSlow: () => this.#writingMs() > this.#limits.diskSlowMs,
      fatal: (error) => {
        this.#fail(error);
      },
    };
  }

  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    this.#options.clock.soon(() => {
      this.#turnPlanned = false;
      try {
        this.#turn();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #turn(): void {
    if (this.#failed) return;
    const scheduled = [...this.#scheduled];
    this.#scheduled.clear();
    for (const replica of scheduled) replica.process();
    this.#flush();
    if (!this.#writing) this.#write();
  }

  #write(): void {
    if (!this.#flushDue && ![...this.#byShard.values()].some((replica) => replica.needsRound)) {
      return;
    }
    this.#flushDue = false;
    const rounds: ReplicaRound[] = [];
    const replicas: Replica[] = [];
    let sync = false;
    for (const replica of this.#byShard.values()) {
      const built = replica.buildRound();
      if (built === undefined) continue;
      rounds.push(built.round);
      replicas.push(replica);
      sync ||= built.sync;
    }
    if (rounds.length === 0) return;
    this.#round++;
    this.#writing = true;
    const { clock, store } = this.#options;
    const startMs = clock.monotonicMs();
    this.#writeStartMs = startMs;
    store.write(rounds, sync).then(
      () => {
        this.#writing = false;
        this.#observer.roundWritten((clock.monotonicMs() - startMs) / 1000, rounds.length, sync);
        this.#written(replicas);
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
  }

  #written(replicas: readonly Replica[]): void {
    try {
      for (const replica of replicas) replica.roundWritten(this.#round);
      for (const replica of this.#byShard.values()) this.#scheduled.add(replica);
      // What waited for the disk leaves now, and the next round starts without waiting for another turn.
      this.#turn();
    } catch (error) {
      this.#fail(error);
    }
  }

  #send(shard: ShardNumber, message: Message): void {
    if (message.kind !== "append") this.#enqueue({ shard, message });
    else if (message.entries.length > 0) {
      // It brings a commit index at least as high.
      this.#held.delete(message.to);
      this.#enqueue({ shard, message });
    } else {
      this.#held.set(message.to, { shard, message });
      this.#planRelease();
    }
  }

  #enqueue(item: PeerMessage): void {
    const node = this.#members.nodeOf(item.message.to);
    if (node === "") return;
    const waiting = this.#outgoing.get(node);
    if (waiting === undefined) this.#outgoing.set(node, [item]);
    else waiting.push(item);
    this.#planTurn();
  }

  #planRelease(): void {
    if (this.#releasePlanned) return;
    this.#releasePlanned = true;
    this.#options.clock.after(this.#limits.commitHoldMs, () => {
      this.#releasePlanned = false;
      if (this.#failed) return;
      for (const item of this.#held.values()) this.#enqueue(item);
      this.#held.clear();
    });
  }

  #flush(): void {
    if (this.#outgoing.size === 0) return;
    for (const [node, messages] of this.#outgoing) this.#transport?.send(node, messages);
    this.#outgoing.clear();
  }

  #sendSnapshot(replica: Replica, message: Message): void {
    const node = this.#members.nodeOf(message.to);
    const { shard } = replica;
    if (node === "" || this.#sending.has(message.to)) return;
    this.#sending.add(message.to);
    const send = async (): Promise<boolean> => {
      const source = await this.#options.store.openSnapshot(replica.replica);
      try {
        const { from, to, term } = message;
        return (
          (await this.#transport?.sendSnapshot(node, { shard, from, to, term, source })) ?? false
        );
      } finally {
        await source.close();
      }
    };
    send()
      .catch(() => false)
      .then((installed) => {
        this.#sending.delete(message.to);
        this.#observer.snapshot(shard, "sent", installed);
        replica.snapshotSent(message.to, installed);
      })
      .catch((error: unknown) => {
        this.#fail(error);
      });
  }

  // ---- time

  #planTick(): void {
    const { clock } = this.#options;
    this.#cancelTick = clock.after(this.#limits.tickMs, () => {
      this.#planTick();
      // After a stall the timer comes before the messages that wait in the sockets: they are read first, and one late tick
      // is one tick.
      clock.soon(() => {
        if (this.#failed) return;
        try {
          this.#yieldIfStalled();
          this.#flushDue = true;
          for (const replica of this.#byShard.values()) replica.tick();
        } catch (error) {
          this.#fail(error);
        }
      });
    });
  }

  /** How long the round that is on its way to the disk has been so. */
  #writingMs(): number {
    return this.#writing ? this.#options.clock.monotonicMs() - this.#writeStartMs : 0;
  }

  /** A leader whose disk hangs keeps its followers quiet and commits less and less: somebody else should lead. */
  #yieldIfStalled(): void {
    const { diskStalledMs } = this.#limits;
    const ms = this.#writingMs();
    if (ms <= diskStalledMs) return;
    for (const replica of this.#byShard.values()) replica.yieldLeadership(ms > 2 * diskStalledMs);
  }

  #planDiskCheck(): void {
    const { clock, store } = this.#options;
    this.#cancelDiskCheck = clock.after(this.#limits.diskCheckMs, () => {
      store.usage().then(
        (usage) => {
          if (this.#stopped === undefined) this.#checkDisk(usage);
        },
        (error: unknown) => {
          this.#fail(error);
        },
      );
    });
  }

  #checkDisk(usage: StoreUsage): void {
    const was = this.#conditions.isOwnDiskFull;
    const full = isDiskFull(usage, this.#limits.diskReserveBytes, was);
    if (full !== was) this.#observer.diskFull(full);
    this.#conditions.isOwnDiskFull = full;
    for (const replica of this.#byShard.values()) {
      if (!replica.isFit) replica.yieldLeadership(false);
    }
    this.#peers.saveIfChanged();
    this.#planDiskCheck();
  }

  // ---- the end

  async #stop(): Promise<void> {
    await Promise.all([...this.#byShard.values()].map((replica) => replica.stop()));
    this.#cancelTick();
    this.#cancelDiskCheck();
    this.#recollection?.stop();
    this.#failed = true;
    this.#peers.saveIfChanged();
    await this.#transport?.close();
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#cancelTick();
    this.#cancelDiskCheck();
    this.#options.onFatal(error);
  }
}
