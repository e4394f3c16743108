import { hash } from "node:crypto";
import { ClusterError } from "../../src/base/index.js";
import { replicaId, shardOfReplica } from "../../src/placement/index.js";
import type { ReplicaId } from "../../src/raft/index.js";
import { encodeMember, startRuntime } from "../../src/runtime/index.js";
import type { Clock, Executed, ReplicaHandle, Runtime, Store } from "../../src/runtime/index.js";
import type { RuntimeLimits } from "../../src/runtime/index.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { allRows, flipBit } from "../storage/stored-rows.js";
import { eventually } from "./eventually.js";
import { MemoryNetwork } from "./memory-network.js";
import { setCommand, sweepCommand } from "./register-machine.js";
import { registerOfLevel } from "./register-of-level.js";

const SHARDS = [1, 2];
const ORDINALS = [1, 2, 3];

export const CLOCK: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
  soon: (run) => setImmediate(run),
};

const leadsNot = (refusal: unknown): boolean =>
  refusal instanceof ClusterError && ["not-leader", "no-leader"].includes(refusal.code);

interface Running {
  readonly runtime: Runtime;
  readonly store: Store;
}

/** Three nodes with two shards each, in one process, over memory: for what needs no real processes. */
export class RuntimeCluster {
  readonly network = new MemoryNetwork();
  readonly #disks = new Map<string, MemoryDisk>();
  readonly #running = new Map<string, Running>();
  /** Nodes whose disks hang, with what waits for them. */
  readonly #stalled = new Map<string, (() => void)[]>();
  readonly #limits: Partial<RuntimeLimits>;
  readonly failures: unknown[] = [];
  /** How far a node's wall clock is off. */
  readonly clockOffMs = new Map<string, number>();
  /** Whom a node knows to have been taken out of its shards. */
  readonly removed = new Map<string, Set<string>>();
  /** Which version a node runs, from its next start on: 1 where nothing is said. */
  readonly levels = new Map<string, number>();

  static async start(limits: Partial<RuntimeLimits> = {}, level = 1): Promise<RuntimeCluster> {
    const cluster = new RuntimeCluster(limits);
    for (const ordinal of ORDINALS) cluster.levels.set(`node-${ordinal}`, level);
    for (const ordinal of ORDINALS) await cluster.startNode(`node-${ordinal}`);
    return cluster;
  }

  private constructor(limits: Partial<RuntimeLimits>) {
    this.#limits = limits;
  }

  get nodes(): readonly string[] {
    return [...this.#running.keys()];
  }

  async startNode(name: string): Promise<void> {
    const disk = this.#disks.get(name) ?? this.#createDisk(name);
    this.#disks.set(name, disk);
    const ordinal = Number(name.split("-")[1]);
    const store = await openMemoryStore({
      disk,
      onFatal: (error) => this.failures.push(error),
    });
    const removed = new Set<string>();
    this.removed.set(name, removed);
    const voters = (shard: number): number[] => ORDINALS.map((n) => replicaId(shard, n));
    const starting = startRuntime({
      clusterId: "test",
      nodeName: name,
      store,
      ...registerOfLevel(this.levels.get(name) ?? 1),
      digest: (bytes) => hash("sha256", bytes, "buffer"),
      encodeSweep: sweepCommand,
      clock: {
        ...CLOCK,
        wallMs: () => Date.now() + (this.clockOffMs.get(name) ?? 0),
      },
      random: Math.random,
      replicas: SHARDS.filter(() => ORDINALS.includes(ordinal)).map((shard) => ({
        shard,
        replica: replicaId(shard, ordinal),
        initial: {
          voters: voters(shard),
          learners: [],
          votersOutgoing: [],
          learnersNext: [],
          autoLeave: false,
        },
      })),
      nodeOf: (replica) => {
        const of = replica - replicaId(shardOfReplica(replica), 1) + 1;
        return ORDINALS.includes(of) ? `node-${of}` : "";
      },
      onRemoved: (node) => removed.add(node),
      openTransport: (listener) => this.network.open(name, listener),
      limits: this.#limits,
      onFatal: (error) => this.failures.push(error),
    });
    try {
      this.#running.set(name, { runtime: await starting, store });
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** As by an operator. */
  async stopNode(name: string): Promise<void> {
    const running = this.#require(name);
    await running.runtime.stop();
    await running.store.close();
    this.#running.delete(name);
  }

  /** As by a power cut: nothing that was not synced survives. */
  crashNode(name: string): void {
    const running = this.#running.get(name);
    this.network.stop(name);
    this.#disks.get(name)?.crash();
    this.#running.delete(name);
    // Only its timers are still there.
    void running?.runtime.stop();
  }

  /** Flips a bit of every stored row that is chosen, under the feet of the node. */
  async rot(name: string, chosen: (key: Buffer) => boolean): Promise<void> {
    const disk = this.#disks.get(name);
    const rotten = disk?.copy();
    if (disk === undefined || rotten === undefined) throw new Error(`no disk of ${name}`);
    if ((await flipBit(rotten.openEngine(), chosen, 3)) === 0) throw new Error("no such row");
    disk.copyRowsFrom(rotten);
  }

  /** What an administrator copies of a directory, and what he puts back or wipes while the node is down. */
  copyDisk(name: string): MemoryDisk {
    const disk = this.#disks.get(name);
    if (disk === undefined) throw new Error(`no disk of ${name}`);
    return disk.copy();
  }

  replaceDisk(name: string, disk: MemoryDisk): void {
    this.#disks.set(name, disk.copy());
  }

  /** Its database is as it was then; its marker, another file, is not. */
  rewindDatabase(name: string, copy: MemoryDisk): void {
    const disk = this.#disks.get(name);
    if (disk === undefined) throw new Error(`no disk of ${name}`);
    disk.copyRowsFrom(copy);
  }

  drain(name: string, isDraining: boolean): void {
    const runtime = this.#running.get(name)?.runtime;
    if (runtime !== undefined) runtime.isDraining = isDraining;
  }

  setFreeBytes(name: string, freeBytes: number): void {
    const disk = this.#disks.get(name);
    if (disk !== undefined) disk.freeBytes = freeBytes;
  }

  /** How many stored rows are chosen. */
  async rowsOf(name: string, chosen: (key: Buffer) => boolean): Promise<number> {
    const copy = this.#disks.get(name)?.copy();
    if (copy === undefined) throw new Error(`no disk of ${name}`);
    return (await allRows(copy.openEngine())).filter(([key]) => chosen(key)).length;
  }

  /** From now on nothing that is asked of the node's disk ends. */
  stallDisk(name: string): void {
    this.#stalled.set(name, []);
  }

  resumeDisk(name: string): void {
    const waiting = this.#stalled.get(name) ?? [];
    this.#stalled.delete(name);
    for (const run of waiting) run();
  }

  /** A running node becomes a learner of a shard. */
  async join(name: string, shard: number): Promise<ReplicaId> {
    const replica = await this.addLearner(name, shard);
    await this.hostLearner(name, shard, replica);
    return replica;
  }

  /** The first half of it: the group knows of the learner. */
  addLearner(name: string, shard: number): Promise<ReplicaId> {
    const { storeId } = this.#require(name).store;
    return this.askLeader(shard, async (leader) => {
      const replica = leader.nextReplicaId;
      await leader.changeMembership(
        {
          transition: "auto",
          changes: [{ kind: "add-learner", replica }],
          context: encodeMember({ replica, node: name, address: name, storeId }),
        },
        { timeoutMs: 5000 },
      );
      return replica;
    });
  }

  /** The second half: its node does too. */
  hostLearner(name: string, shard: number, replica: ReplicaId): Promise<void> {
    return this.#require(name).runtime.join(shard, replica);
  }

  replica(node: string, shard: number): ReplicaHandle {
    const found = this.#find(node, shard);
    if (found === undefined) throw new Error(`no replica of ${shard} on ${node}`);
    return found;
  }

  /** A replica that leads, of the highest term if two think so. */
  leader(shard: number): Promise<{ readonly node: string; readonly replica: ReplicaHandle }> {
    return eventually(
      () =>
        this.nodes
          .filter((node) => this.#find(node, shard) !== undefined)
          .map((node) => ({ node, replica: this.replica(node, shard) }))
          .filter(({ replica }) => replica.status().role === "leader")
          .sort((a, b) => b.replica.status().term - a.replica.status().term)[0],
      { what: "a leader" },
    );
  }

  /** Asks whoever leads, and again where it does no longer, or not yet, when it is asked. */
  async askLeader<T>(
    shard: number,
    ask: (replica: ReplicaHandle, node: string) => Promise<T>,
  ): Promise<T> {
    const asked = await eventually(async () => {
      const { node, replica } = await this.leader(shard);
      const [settled] = await Promise.allSettled([ask(replica, node)]);
      return settled.status === "rejected" && leadsNot(settled.reason) ? undefined : settled;
    });
    if (asked.status === "rejected") throw asked.reason;
    return asked.value;
  }

  /** Sets through whoever leads, until it is acknowledged. */
  async set(shard: number, key: string, value: string): Promise<Executed> {
    return eventually(async () => {
      const { replica } = await this.leader(shard);
      return replica.execute(setCommand(key, value), { timeoutMs: 5000 });
    });
  }

  async stop(): Promise<void> {
    for (const name of [...this.#stalled.keys()]) this.resumeDisk(name);
    await Promise.all([...this.#running.values()].map(({ runtime }) => runtime.stop()));
    this.#running.clear();
  }

  #find(node: string, shard: number): ReplicaHandle | undefined {
    const replicas = this.#running.get(node)?.runtime.replicas ?? [];
    return replicas.find((replica) => replica.shard === shard);
  }

  #require(name: string): Running {
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`${name} does not run`);
    return running;
  }

  #createDisk(name: string): MemoryDisk {
    return new MemoryDisk({
      schedule: (run) => {
        const waiting = this.#stalled.get(name);
        if (waiting === undefined) queueMicrotask(run);
        else waiting.push(run);
      },
    });
  }
}
