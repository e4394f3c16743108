import { createHash } from "node:crypto";
import type { Machine } from "../../src/machine/index.js";
import { createMachine } from "../../src/machine/index.js";
import { replicaId, shardOfReplica } from "../../src/placement/index.js";
import type { ReplicaId } from "../../src/raft/index.js";
import { startRuntime } from "../../src/runtime/index.js";
import type {
  Member,
  ReplicaHandle,
  Runtime,
  RuntimeObserver,
  Store,
} from "../../src/runtime/index.js";
import { openMemoryStore } from "../../src/storage/index.js";
import { createStoreCodec, encodeCommand } from "../../src/wire/store/index.js";
import type { SeededRandom } from "../raft/seeded-random.js";
import type { ClusterContext } from "./cluster-context.js";
import { SimulatedDisk } from "./disk.js";
import { observeStore } from "./observed-store.js";
import { ProcessLife } from "./process-life.js";
import type { MachineClock } from "./process-life.js";
import { ReplicaRecord } from "./replica-record.js";

const CODEC = createStoreCodec();
const MACHINE = createMachine(CODEC);

/** A machine with a disk, on which a node's process runs from time to time. */
export class SimulatedNode {
  readonly name: string;
  readonly ordinal: number;
  readonly disk: SimulatedDisk;
  readonly clock: MachineClock = { rate: 1, wallSkewMs: 0, skewedReads: 0 };
  readonly #records = new Map<ReplicaId, ReplicaRecord>();
  /** The replica of each shard that it hosts now. */
  readonly #hosted = new Map<number, ReplicaId>();
  /** Its replicas were removed: the process does not come back. */
  isRetired = false;
  /** Its disk forgot something since it last was whole. */
  isForgetful = false;
  /** Its process may fail: somebody broke the disk. */
  mayFail = false;
  failures = 0;
  /** Times that a replica found at open that it lost entries. */
  losses = 0;
  #life: ProcessLife | undefined;
  #runtime: Runtime | undefined;
  #store: Store | undefined;
  readonly #context: ClusterContext;
  readonly #isFounder: boolean;
  readonly #random: SeededRandom;

  constructor(
    context: ClusterContext,
    options: { readonly ordinal: number; readonly isFounder: boolean },
  ) {
    const { ordinal } = options;
    this.#context = context;
    this.ordinal = ordinal;
    this.name = `node-${ordinal}`;
    this.#random = context.streams.of(this.name);
    this.disk = new SimulatedDisk(context.time, context.streams.of(`disk of ${this.name}`));
    this.#isFounder = options.isFounder;
  }

  get records(): readonly ReplicaRecord[] {
    return [...this.#records.values()];
  }

  findRecord(replica: ReplicaId): ReplicaRecord | undefined {
    return this.#records.get(replica);
  }

  /** Its replica of a shard, running or not; undefined if it has none. */
  replicaOf(shard: number): ReplicaId | undefined {
    return this.#hosted.get(shard);
  }

  /** The process is there; it may still be starting. */
  get isRunning(): boolean {
    return this.#life !== undefined;
  }

  /** The process serves. */
  get isUp(): boolean {
    return this.#runtime !== undefined;
  }

  get life(): ProcessLife | undefined {
    return this.#life;
  }

  /** Every replica may vote, and holds what it ever promised. */
  get isWhole(): boolean {
    const replicas = this.#runtime?.replicas;
    return replicas?.every((replica) => replica.status().quarantine === "") ?? false;
  }

  find(shard: number): ReplicaHandle | undefined {
    return this.#runtime?.replicas.find((replica) => replica.shard === shard);
  }

  /** Hosts a new replica of a shard; what the group has to be told of it. */
  async join(shard: number, replica: ReplicaId): Promise<Member | undefined> {
    const [runtime, store] = [this.#runtime, this.#store];
    if (runtime === undefined || store === undefined) return undefined;
    await runtime.join(shard, replica);
    return { replica, node: this.name, address: `${this.name}:1`, storeId: store.storeId };
  }

  start(): void {
    if (this.isRunning || this.isRetired) return;
    const life = new ProcessLife(this.#context.time, this.clock);
    this.#life = life;
    this.disk.life = life;
    this.#context.note(`${this.name} starts`);
    this.#start(life).catch((error: unknown) => this.#fail(life, error));
  }

  /** As by SIGKILL: what was written stays, and peers notice at once that nobody listens. */
  kill(): void {
    this.#end(true);
    this.disk.killProcess();
  }

  /** Returns how many writes were lost. */
  cutPower(): number {
    this.#end(false);
    return this.disk.cutPower();
  }

  /** As by SIGTERM; resolves when the process ended. */
  async shutDown(): Promise<void> {
    const life = this.#life;
    const runtime = this.#runtime;
    const store = this.#store;
    if (life === undefined || runtime === undefined || store === undefined) return;
    await runtime.stop();
    await store.close();
    if (this.#life === life) this.#end(true);
  }

  #end(isNoticed: boolean): void {
    if (this.#life === undefined) return;
    this.#life.end();
    this.#life = undefined;
    this.#runtime = undefined;
    this.#store = undefined;
    this.#context.note(`${this.name} ends`);
    this.#context.network.close(this.name, isNoticed);
  }

  async #start(life: ProcessLife): Promise<void> {
    const { plan, network } = this.#context;
    const opened = await openMemoryStore({
      disk: this.disk.disk,
      after: (delayMs, run) => life.after(delayMs, run),
      randomBytes: (bytes) =>
        Buffer.from(Array.from({ length: bytes }, () => this.#random.between(0, 255))),
    });
    const store = this.#observe(opened);
    const runtime = await startRuntime({
      clusterId: "simulation",
      nodeName: this.name,
      store,
      machine: this.#observedMachine(),
      codec: CODEC,
      digest: (bytes) => createHash("sha256").update(bytes).digest(),
      encodeSweep: (limit, trimFeedTo) =>
        encodeCommand({
          caller: { kind: "system" },
          requestId: "",
          fingerprint: "",
          operation: { kind: "sweep", limit, trimFeedTo },
        }),
      clock: life,
      random: () => this.#random.next(),
      replicas: (this.#isFounder ? plan.shards : []).map((shard) => ({
        shard,
        replica: replicaId(shard, this.ordinal),
        initial: this.#context.founders(shard),
      })),
      nodeOf: (replica) => {
        const ordinal = replica - replicaId(shardOfReplica(replica), 1) + 1;
        return ordinal <= plan.voters ? `node-${ordinal}` : "";
      },
      openTransport: (listener) => network.open(this.name, life, listener),
      limits: plan.limits,
      observer: this.#observer(),
      onFatal: (error) => this.#fail(life, error),
    });
    this.#store = store;
    this.#runtime = runtime;
  }

  #fail(life: ProcessLife, error: unknown): void {
    if (!life.isAlive) return;
    this.failures++;
    if (!this.mayFail) this.#context.breaks(new Error(`${this.name} failed`, { cause: error }));
    // A process that fails ends with the disk as it is then.
    this.#context.time.after(0, () => {
      if (this.#life === life) this.kill();
    });
  }

  #record(replica: ReplicaId): ReplicaRecord {
    const record = this.#records.get(replica) ?? new ReplicaRecord(replica);
    this.#records.set(replica, record);
    return record;
  }

  #observe(store: Store): Store {
    const { truthOf, check, note } = this.#context;
    return observeStore(store, {
      opened: (replica, opened) => {
        note(`${replica} opens at ${opened.lastIndex}, ${opened.lost?.reason ?? "whole"}`);
        if (opened.lost !== undefined) this.losses++;
        this.#hosted.set(shardOfReplica(replica), replica);
        check(() => {
          this.#record(replica).reopened(opened, this.isForgetful);
          truthOf(replica).reopens(this.#record(replica));
        });
      },
      begins: (round) => {
        check(() => {
          truthOf(round.replica).begins(this.#record(round.replica), round);
          this.#record(round.replica).begin(round);
        });
      },
      written: (round, sync) => {
        const record = this.#record(round.replica);
        record.finish(round, sync);
        note(
          `${round.replica} wrote ${record.lastIndex} ${sync} ${round.applied?.state.index ?? ""}`,
        );
        if (sync) check(() => truthOf(round.replica).holds(record, round));
      },
    });
  }

  #observedMachine(): Machine {
    return {
      ...MACHINE,
      apply: (context, command, view) => {
        const applied = MACHINE.apply(context, command, view);
        const shard = this.#context.shardOf(command);
        const replica = shard === undefined ? undefined : this.replicaOf(shard);
        if (replica !== undefined) {
          this.#context.check(() => {
            this.#context.truthOf(replica).applies(replica, context, command, applied);
          });
        }
        return applied;
      },
    };
  }

  #observer(): Partial<RuntimeObserver> {
    const { check, truthOf, note, seen } = this.#context;
    return {
      roleChanged: (shard, role) => {
        const status = this.find(shard)?.status();
        if (status === undefined) return;
        const { replica, term } = status;
        note(`${replica} is ${role} in ${term}`);
        check(() => truthOf(replica).becomes(this.#record(replica), role, term));
      },
      snapshotEnded: (_, direction, { installed }) => {
        if (direction === "receive" && installed) seen.snapshots++;
      },
    };
  }
}
