import type { Machine } from "../machine/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ReplicaId } from "../raft/index.js";
import type { Digest } from "./state-hash.js";
import { DEFAULT_LIMITS } from "./limits.js";
import type { RuntimeLimits } from "./limits.js";
import { DiskWatch } from "./disk-watch.js";
import { NodeConditions } from "./node-conditions.js";
import { SILENT } from "./observer.js";
import type { RuntimeObserver } from "./observer.js";
import { HostedReplicas, withOpened } from "./hosted-replicas.js";
import type { HostedReplica } from "./hosted-replicas.js";
import { Members } from "./members.js";
import type { Member } from "./members.js";
import { OutgoingMessages } from "./outgoing-messages.js";
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
  SnapshotSink,
  Store,
} from "./ports.js";
import { Recollection } from "./recollection.js";
import type { Replica } from "./replica.js";
import type { ReplicaHost } from "./replica-host.js";
import type { ReplicaHandle } from "./replica-handle.js";
import { RoundWriter } from "./round-writer.js";
import { SnapshotsIn } from "./snapshots-in.js";
import { SnapshotsOut } from "./snapshots-out.js";

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
  /** A replica of the node is taken out of its group, once its members say so. May come again. */
  readonly onRemoved?: (node: string) => void;
  /** Starts the network; called once, when everything is ready to listen. */
  readonly openTransport: (listener: PeerListener) => PeerTransport;
  readonly limits?: Partial<RuntimeLimits>;
  readonly observer?: Partial<RuntimeObserver>;
  /** The process must end: its state can no longer be trusted. Called once. */
  readonly onFatal: (error: unknown) => void;
}

export interface Runtime {
  /** Grows when this node joins a shard. */
  readonly replicas: readonly ReplicaHandle[];
  /** Hosts a new replica, which waits for its group's leader. Durable: it is there after a restart. */
  join(shard: ShardNumber, replica: ReplicaId): Promise<void>;
  /** Whether this node is to lead only what no other can; what it leads goes within the next check of the disk. */
  isDraining: boolean;
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
  const runtime = new NodeRuntime(options, peers);
  await runtime.start();
  return runtime;
}

class NodeRuntime implements Runtime, PeerListener {
  readonly #options: RuntimeOptions;
  readonly #limits: RuntimeLimits;
  readonly #observer: RuntimeObserver;
  readonly #peers: PeerRegistry;
  readonly #members: Members;
  readonly #replicas: HostedReplicas;
  readonly #scheduled = new Set<Replica>();
  readonly #outgoing: OutgoingMessages;
  readonly #rounds: RoundWriter;
  readonly #snapshotsOut: SnapshotsOut;
  readonly #snapshotsIn: SnapshotsIn;
  #transport: PeerTransport | undefined;
  #turnPlanned = false;
  readonly #life: number;
  readonly #conditions: NodeConditions;
  #recollection: Recollection | undefined;
  #stopped: Promise<void> | undefined;
  #failed = false;
  #cancelTick: () => void = () => undefined;
  #diskWatch: DiskWatch | undefined;

  constructor(options: RuntimeOptions, peers: PeerRegistry) {
    this.#options = options;
    this.#peers = peers;
    this.#members = new Members({
      formed: options.nodeOf,
      joined: options.onMember ?? (() => undefined),
      removed: options.onRemoved ?? (() => undefined),
    });
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#observer = { ...SILENT, ...options.observer };
    this.#life = Math.floor(options.random() * Number.MAX_SAFE_INTEGER);
    this.#conditions = new NodeConditions(options.nodeName, options.clock);
    const { clock, store } = options;
    this.#outgoing = new OutgoingMessages({
      clock,
      holdMs: this.#limits.commitHoldMs,
      nodeOf: (replica) => this.#members.nodeOf(replica),
      send: (node, messages) => this.#transport?.send(node, messages),
      changed: () => {
        this.#planTurn();
      },
    });
    this.#rounds = new RoundWriter({
      ...{ clock, store, observer: this.#observer },
      sources: () => [...this.#replicas].map(({ rounds }) => rounds),
      written: () => {
        for (const replica of this.#replicas) this.#scheduled.add(replica);
        // What waited for the disk leaves now, and the next round starts without waiting for another turn.
        this.#turn();
      },
      failed: (error) => {
        this.#fail(error);
      },
    });
    this.#snapshotsOut = new SnapshotsOut({
      ...{ clock, store, limits: this.#limits, observer: this.#observer },
      send: async (node, snapshot) =>
        (await this.#transport?.sendSnapshot(node, snapshot)) ?? false,
      failed: (error) => {
        this.#fail(error);
      },
    });
    this.#snapshotsIn = new SnapshotsIn({
      ...{ clock, store, limits: this.#limits, observer: this.#observer },
    });
    this.#replicas = new HostedReplicas(this.#host());
  }

  get replicas(): readonly ReplicaHandle[] {
    return [...this.#replicas];
  }

  get isDraining(): boolean {
    return this.#conditions.isOwnDraining;
  }

  set isDraining(isDraining: boolean) {
    this.#conditions.isOwnDraining = isDraining;
  }

  async start(): Promise<void> {
    const { replicas, store } = this.#options;
    for (const hosted of withOpened(replicas, store.replicas)) await this.#replicas.open(hosted);
    this.#recollection = this.#recollect();
    this.#transport = this.#options.openTransport(this);
    this.#recollection.begin();
    this.#planTick();
    this.#diskWatch = this.#watchDisk();
  }

  #watchDisk(): DiskWatch {
    const { clock, store } = this.#options;
    return new DiskWatch({
      ...{ clock, store, limits: this.#limits },
      isFull: () => this.#conditions.isOwnDiskFull,
      checked: (isFull) => {
        this.#diskChecked(isFull);
      },
      failed: (error) => {
        this.#fail(error);
      },
    });
  }

  #recollect(): Recollection {
    const { store, clock, nodeName } = this.#options;
    const voters = new Set([...this.#replicas].flatMap(({ voterNodes }) => voterNodes));
    for (const node of [nodeName, ""]) voters.delete(node);
    return new Recollection({
      store,
      clock,
      life: this.#life,
      waitMs: this.#limits.electionTicks * this.#limits.tickMs,
      voters: [...voters],
      replicas: () => this.#replicas,
      settled: () => {
        for (const replica of this.#replicas) replica.settle();
      },
      failed: (error) => {
        this.#fail(error);
      },
    });
  }

  join(shard: ShardNumber, replica: ReplicaId): Promise<void> {
    return this.#replicas.join(shard, replica);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  // ---- what the network calls

  hello(toNode: string): PeerHello {
    const { clusterId, nodeName, store, clock, machine } = this.#options;
    return {
      clusterId,
      node: nodeName,
      storeId: store.storeId,
      toStoreId: this.#peers.storeOf(toNode),
      boot: store.boot,
      life: this.#life,
      wallMs: Math.max(0, Math.floor(clock.wallMs())),
      diskFull: this.#conditions.isOwnDiskFull,
      featureLevel: machine.featureLevel,
      draining: this.#conditions.isOwnDraining,
      known: this.#peers.knownOf(toNode, (shard) => this.#replicas.of(shard)?.term ?? 0),
      replicas: [...this.#replicas].map(({ shard, replica, lastIndex }) => ({
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
      const replica = this.#replicas.of(shard);
      if (replica === undefined || message.to !== replica.replica) continue;
      if (this.#members.nodeOf(message.from) !== fromNode) continue;
      if (this.#members.isGone(message.from) && !replica.knows(message.from)) continue;
      this.#peers.heard(fromNode, message, replica.acknowledgedBy(message));
      replica.step(message);
    }
  }

  disconnected(node: string, refused: boolean): void {
    for (const replica of this.#replicas) {
      for (const { replica: id, node: hostNode } of replica.isLeader
        ? replica.status().followers
        : []) {
        if (hostNode === node) replica.unreachable(id);
      }
      if (refused && this.#members.nodeOf(replica.leader) === node) replica.leaderGone();
    }
  }

  async beginSnapshot(incoming: IncomingSnapshot): Promise<SnapshotSink | undefined> {
    const replica = this.#replicas.of(incoming.shard);
    if (replica === undefined || replica.replica !== incoming.to) return undefined;
    return this.#snapshotsIn.begin(replica.snapshots, incoming);
  }

  async finishSnapshot(incoming: IncomingSnapshot, sink: SnapshotSink): Promise<boolean> {
    const replica = this.#replicas.of(incoming.shard);
    if (replica?.replica === incoming.to) {
      return this.#snapshotsIn.finish(replica.snapshots, incoming, sink);
    }
    await this.#snapshotsIn.abandon(incoming, sink, false);
    return false;
  }

  abandonSnapshot(incoming: IncomingSnapshot, sink: SnapshotSink, sound: boolean): Promise<void> {
    return this.#snapshotsIn.abandon(incoming, sink, sound);
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
        this.#outgoing.add(shard, message);
      },
      sendSnapshot: (replica, message) => {
        this.#snapshotsOut.send(replica, this.#members.nodeOf(message.to), message);
      },
      nextRound: () => this.#rounds.nextNumber,
      isWriting: () => this.#rounds.isWriting,
      nodeName,
      conditions: this.#conditions,
      diskSlow: () => this.#rounds.writingMs > this.#limits.diskSlowMs,
      fatal: (error) => {
        this.#fail(error);
      },
    };
  }

  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    this.#soon(() => {
      this.#turnPlanned = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#failed) return;
    const scheduled = [...this.#scheduled];
    this.#scheduled.clear();
    for (const replica of scheduled) replica.process();
    this.#outgoing.flush();
    this.#rounds.write();
  }

  // ---- time

  #planTick(): void {
    this.#cancelTick = this.#options.clock.after(this.#limits.tickMs, () => {
      this.#planTick();
      // After a stall the timer comes before the messages that wait in the sockets: they are read first, and one late tick
      // is one tick.
      this.#soon(() => {
        if (this.#failed) return;
        this.#yieldIfStalled();
        this.#rounds.flushNext();
        for (const replica of this.#replicas) replica.tick();
      });
    });
  }

  #soon(run: () => void): void {
    this.#options.clock.soon(() => {
      try {
        run();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  /** A leader whose disk hangs keeps its followers quiet and commits less and less: somebody else should lead. */
  #yieldIfStalled(): void {
    const { diskStalledMs } = this.#limits;
    const ms = this.#rounds.writingMs;
    if (ms <= diskStalledMs) return;
    for (const replica of this.#replicas) replica.yieldLeadership(ms > 2 * diskStalledMs);
  }

  #diskChecked(full: boolean): void {
    if (full !== this.#conditions.isOwnDiskFull) this.#observer.diskFull(full);
    this.#conditions.isOwnDiskFull = full;
    for (const replica of this.#replicas) {
      if (!replica.isFit) replica.yieldLeadership(false);
    }
    this.#peers.saveIfChanged();
  }

  // ---- the end

  async #stop(): Promise<void> {
    this.#diskWatch?.stop();
    await Promise.all([...this.#replicas].map((replica) => replica.stop()));
    this.#cancelTick();
    this.#recollection?.stop();
    await this.#snapshotsOut.stop();
    this.#failed = true;
    this.#outgoing.stop();
    this.#peers.saveIfChanged();
    await this.#transport?.close();
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#cancelTick();
    this.#diskWatch?.stop();
    this.#outgoing.stop();
    this.#options.onFatal(error);
  }
}
