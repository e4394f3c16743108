import { assert } from "../base/index.js";
import type { KeyRange, StateKey } from "../machine/index.js";
import type { ConfState, Entry, ReplicaId } from "../raft/index.js";
import type {
  FeedPage,
  FeedReadOptions,
  LogId,
  OpenedReplica,
  ReadResult,
  ReplicaRound,
  SnapshotSink,
  SnapshotSource,
  StateScan,
  Store,
  StoreUsage,
} from "../runtime/index.js";
import { forgetArriving } from "./arriving.js";
import type { Arriving } from "./arriving.js";
import { DamageError } from "./damage.js";
import { commit } from "./engine.js";
import type { Engine, EngineBatch } from "./engine.js";
import { readFeedPage } from "./feed-table.js";
import { GenerationKeys, metaKey, STORE_ROWS } from "./keys.js";
import { logIdAt } from "./log-bounds.js";
import { readLog } from "./log-read.js";
import type { After, MarkerWriter } from "./marker-writer.js";
import { loadReplica } from "./open-replica.js";
import { ReadSlots } from "./read-slots.js";
import type { ReplicaState } from "./replica-state.js";
import { planRound, putDamage } from "./round-plan.js";
import type { RoundPlan } from "./round-plan.js";
import { RowWriter } from "./row-writer.js";
import { Scrubber } from "./scrubber.js";
import type { ScrubRate, ScrubTarget } from "./scrubber.js";
import { StoreSnapshotSink } from "./snapshot-sink.js";
import { StoreSnapshotSource } from "./snapshot-source.js";
import { scanState } from "./state-scan.js";
import { atMoment, getRows, getStateValues, readStateRange } from "./state-view.js";
import type { ReadAccess } from "./state-view.js";
import type { StoreHealth } from "./store-health.js";
import { Sweeper } from "./sweeper.js";
import { WriteGate } from "./write-gate.js";

export interface ReplicaStoreParts {
  readonly engine: Engine;
  readonly marker: MarkerWriter;
  readonly health: StoreHealth;
  readonly fresh: boolean;
  readonly after: After;
  readonly scrub: ScrubRate | undefined;
}

interface OpenReplica {
  state: ReplicaState;
  nextGeneration: number;
  /** A damaged entry: the log is compacted up to here as soon as that is applied. */
  damagedTo: number;
  /** What came of a snapshot that broke off, here or in the process before. */
  arriving: Arriving | undefined;
}

/**
 * The store over an ordered engine and a marker. What a round says becomes visible when it ends:
 * until then `state` of a replica, and every read, is as of the round before.
 */
export class ReplicaStore implements Store {
  readonly storeId: string;
  readonly fresh: boolean;
  readonly #engine: Engine;
  readonly #marker: MarkerWriter;
  readonly #health: StoreHealth;
  readonly #access: ReadAccess;
  readonly #gate = new WriteGate();
  /** Replicas that the round under way gives another state. */
  readonly #installing = new Set<ReplicaId>();
  readonly #sweeper: Sweeper;
  readonly #scrubber: Scrubber | undefined;
  /** For rounds; what else is written meanwhile lays its rows out in one turn, as they do. */
  readonly #row = new RowWriter();
  readonly #replicas = new Map<ReplicaId, OpenReplica>();
  readonly #opening = new Set<ReplicaId>();
  readonly #calls = new Set<Promise<unknown>>();
  readonly #sources = new Set<StoreSnapshotSource>();
  #closed: Promise<void> | undefined;

  constructor({ engine, marker, health, fresh, after, scrub }: ReplicaStoreParts) {
    this.storeId = marker.storeId;
    this.fresh = fresh;
    this.#engine = engine;
    this.#marker = marker;
    this.#health = health;
    const slots = new ReadSlots();
    this.#access = { engine, slots, gate: this.#gate };
    this.#sweeper = new Sweeper(engine, slots, after, (error) => health.fail(error));
    if (scrub !== undefined) {
      this.#scrubber = new Scrubber(this.#access, after, scrub, () => this.#scrubTargets());
      this.#scrubber.start((error) => health.fail(error));
    }
  }

  get boot(): number {
    return this.#marker.boot;
  }

  get replicas(): readonly ReplicaId[] {
    return this.#marker.replicas;
  }

  raiseBoot(boot: number): Promise<void> {
    return this.#call(() => this.#health.writing(this.#marker.raiseBoot(boot)));
  }

  noteLost(replica: ReplicaId, acknowledged: LogId): Promise<void> {
    return this.#call(() => {
      this.#marker.lose(replica, acknowledged);
      return this.#health.writing(this.#marker.write());
    });
  }

  openReplica(replica: ReplicaId, initial: ConfState): Promise<OpenedReplica> {
    return this.#call(async () => {
      assert(replica !== STORE_ROWS, "replica 0 is none");
      assert(!this.#opening.has(replica), `replica ${replica} is open`);
      this.#opening.add(replica);
      const ports = {
        ...this.#access,
        marker: this.#marker,
        row: this.#row,
        sweeper: this.#sweeper,
        health: this.#health,
      };
      const loaded = await loadReplica(ports, replica, initial).catch((error: unknown) => {
        this.#opening.delete(replica);
        throw error;
      });
      const { state, nextGeneration, arriving, opened } = loaded;
      this.#replicas.set(replica, { state, nextGeneration, arriving, damagedTo: 0 });
      return opened;
    });
  }

  write(rounds: readonly ReplicaRound[], sync: boolean): Promise<void> {
    return this.#call(async () => {
      this.#gate.beginWrite();
      for (const { replica, install } of rounds) {
        if (install !== undefined) this.#installing.add(replica);
      }
      try {
        this.#health.checkNotFailed();
        await this.#writeRounds(rounds, sync);
      } finally {
        this.#installing.clear();
        this.#gate.endWrite();
      }
    });
  }

  async #writeRounds(rounds: readonly ReplicaRound[], sync: boolean): Promise<void> {
    const batch = this.#engine.batch();
    const plans = new Map<OpenReplica, RoundPlan>();
    let lowers = false;
    for (const round of rounds) {
      const replica = this.#require(round.replica);
      assert(!plans.has(replica), `two rounds for replica ${round.replica} in one write`);
      const plan = planRound(this.#row, batch, replica.state, withoutDamage(round, replica), sync);
      plans.set(replica, plan);
      this.#marker.begin(round.replica, round.hardState, plan.last);
      if (plan.lowered !== undefined) {
        this.#marker.lower(round.replica, plan.lowered);
        lowers = true;
      }
    }
    await this.#health.writing(this.#commitRounds(batch, sync, lowers));
    for (const [replica, plan] of plans) this.#finish(replica, plan);
    if (sync) this.#marker.raiseWhenIdle();
  }

  async #commitRounds(batch: EngineBatch, sync: boolean, lowers: boolean): Promise<void> {
    if (lowers) await this.#marker.write();
    const written = commit(batch, sync);
    if (sync && !lowers) await Promise.all([written, this.#marker.write()]);
    else await written;
  }

  #finish(replica: OpenReplica, plan: RoundPlan): void {
    replica.state = plan.next;
    if (plan.last !== undefined) this.#marker.finish(plan.next.keys.replica, plan.last);
    plan.installed?.markInstalled();
    for (const garbage of plan.garbage) this.#sweeper.add(garbage);
    if (replica.arriving !== undefined && hasReached(plan.next, replica.arriving)) {
      void this.#forget(replica.arriving.keys);
      replica.arriving = undefined;
    }
  }

  readEntries(
    replica: ReplicaId,
    low: number,
    high: number,
    bytesMax: number,
  ): Promise<readonly Entry[]> {
    return this.#read(replica, ({ state }) => {
      return readLog(this.#access, state.keys, state.log, { low, high, bytesMax });
    });
  }

  read(
    replica: ReplicaId,
    keys: readonly StateKey[],
    ranges: readonly KeyRange[],
  ): Promise<ReadResult> {
    const open = async (): Promise<ReadResult> => {
      this.#health.checkNotFailed();
      const generation = this.#require(replica).state.keys;
      const [values, rows] = await Promise.all([
        getStateValues(this.#access, generation, keys),
        Promise.all(ranges.map((range) => readStateRange(this.#access, generation, range))),
      ]);
      return { values, ranges: rows };
    };
    return this.#noting(replica, () =>
      this.#call(() => (this.#installing.has(replica) ? atMoment(this.#gate, open) : open())),
    );
  }

  async readFeed(replica: ReplicaId, after: number, options: FeedReadOptions): Promise<FeedPage> {
    const read = () =>
      this.#readState(replica, ({ state }) =>
        readFeedPage(this.#access, state.keys, state.applied, after, options),
      );
    const page = (await read()) ?? (await read());
    if (page === undefined) throw await this.#failedRead(replica, missingFeedRow(replica));
    return page;
  }

  openSnapshot(replica: ReplicaId): Promise<SnapshotSource> {
    return this.#read(replica, async ({ state: { keys, applied } }) => {
      const source = new StoreSnapshotSource(this.#access, keys, applied, {
        failed: (error) => this.#failedRead(replica, error),
        closed: (closed) => this.#sources.delete(closed),
      });
      this.#sources.add(source);
      return source;
    });
  }

  scanState(replica: ReplicaId): Promise<StateScan> {
    return this.#readState(replica, ({ state }) => scanState(this.#access, state));
  }

  createSnapshotSink(replica: ReplicaId, snapshotId?: string): Promise<SnapshotSink> {
    return this.#call(async () => {
      const open = this.#require(replica);
      const { arriving } = open;
      open.arriving = undefined;
      const owner = {
        engine: this.#engine,
        row: this.#row,
        health: this.#health,
        forget: (keys: GenerationKeys) => this.#forget(keys),
        suspended: (suspended: Arriving) => {
          open.arriving = suspended;
        },
      };
      if (arriving !== undefined && arriving.snapshotId === snapshotId) {
        return new StoreSnapshotSink(owner, arriving.keys, snapshotId, arriving);
      }
      if (arriving !== undefined) await this.#forget(arriving.keys);
      const keys = new GenerationKeys(replica, open.nextGeneration++);
      return new StoreSnapshotSink(owner, keys, snapshotId);
    });
  }

  /** Deletes what came of a snapshot. A store that is closed or fails meanwhile leaves it to the next open. */
  async #forget({ replica, log, end }: GenerationKeys): Promise<void> {
    const forgotten = this.#call(async () => {
      const batch = this.#engine.batch();
      forgetArriving(this.#row, batch, replica);
      await this.#health.writing(commit(batch, false));
      this.#sweeper.add({ from: log, to: end });
    });
    await forgotten.catch(() => undefined);
  }

  readFact(key: string): Promise<Uint8Array | undefined> {
    return this.#call(async () => {
      const [value] = await getRows(this.#access, STORE_ROWS, [factKey(key)]);
      return value;
    });
  }

  writeFact(key: string, value: Uint8Array): Promise<void> {
    return this.#call(async () => {
      const batch = this.#engine.batch();
      this.#row.begin(factKey(key)).endKey().bytes(value).put(batch);
      await this.#health.writing(commit(batch, true));
    });
  }

  usage(): Promise<StoreUsage> {
    return this.#call(() => this.#engine.usage());
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#health.close();
    for (const source of this.#sources) await source.close();
    await this.#scrubber?.stop();
    await Promise.allSettled(this.#calls);
    await this.#sweeper.stop();
    if (this.#health.failed) await this.#marker.abandon();
    else await this.#marker.close();
    await this.#engine.close();
  }

  /** A call that reads a replica as of one moment between two rounds. */
  #read<T>(replica: ReplicaId, open: (replica: OpenReplica) => Promise<T>): Promise<T> {
    return this.#call(() =>
      atMoment(this.#gate, async () => {
        this.#health.checkNotFailed();
        return open(this.#require(replica));
      }),
    );
  }

  #readState<T>(replica: ReplicaId, open: (replica: OpenReplica) => Promise<T>): Promise<T> {
    return this.#noting(replica, () => this.#read(replica, open));
  }

  /** Damage of the state is the end of the store: what else it says can no longer be trusted either. */
  async #noting<T>(replica: ReplicaId, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw await this.#failedRead(replica, error);
    }
  }

  /** Notes damage durably, so that the next open knows of it. */
  async #failedRead(replica: ReplicaId, error: unknown): Promise<unknown> {
    if (!(error instanceof DamageError) || this.#health.failed) return error;
    const batch = this.#engine.batch();
    putDamage(new RowWriter(), batch, replica, error.message);
    await commit(batch, true).catch((failure: unknown) => this.#health.fail(failure));
    this.#health.fail(error);
    return error;
  }

  *#scrubTargets(): Iterable<ScrubTarget> {
    for (const [replica, open] of this.#replicas) {
      if (open.state.awaitsSnapshot) continue;
      yield {
        replica,
        state: () => open.state,
        damagedEntry: (index) => {
          open.damagedTo = Math.max(open.damagedTo, index);
        },
        damagedState: (error) => void this.#failedRead(replica, error),
      };
    }
  }

  /**
   * Everything public goes through here: refused once the store is closed or failed, and awaited by
   * `close`.
   */
  #call<T>(run: () => Promise<T>): Promise<T> {
    const call = this.#guard(run);
    this.#calls.add(call);
    const ended = () => void this.#calls.delete(call);
    call.then(ended, ended);
    return call;
  }

  async #guard<T>(run: () => Promise<T>): Promise<T> {
    this.#health.check();
    return run();
  }

  #require(replica: ReplicaId): OpenReplica {
    const open = this.#replicas.get(replica);
    assert(open !== undefined, `replica ${replica} is not open in this store`);
    return open;
  }
}

function factKey(key: string): Buffer {
  return metaKey(STORE_ROWS, `fact:${key}`);
}

function missingFeedRow(replica: ReplicaId): DamageError {
  return new DamageError(`the feed of replica ${replica} lacks a row that its index names`);
}

function hasReached({ applied }: ReplicaState, arriving: Arriving): boolean {
  return applied.index >= arriving.applied.index;
}

/** Compacts a damaged entry away with the first round after it was applied. */
function withoutDamage(round: ReplicaRound, { state, damagedTo }: OpenReplica): ReplicaRound {
  const { log, applied } = state;
  if (damagedTo < log.firstIndex || damagedTo > applied.index) return round;
  if (round.install !== undefined || damagedTo <= (round.compactTo?.index ?? 0)) return round;
  return { ...round, compactTo: logIdAt(log, damagedTo) };
}
