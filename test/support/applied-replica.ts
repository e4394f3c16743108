import { hash } from "node:crypto";
import type { Entry } from "../../src/raft/index.js";
import { Applier } from "../../src/runtime/applier.js";
import { frameEntry } from "../../src/runtime/entry-frame.js";
import type { ReplicaRound, StateScan, Store } from "../../src/runtime/index.js";
import { StateCache } from "../../src/runtime/state-cache.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { createStoreCodec, encodeCommand } from "../../src/wire/store/index.js";
import { copySnapshot, MEMBERS } from "../storage/samples.js";
import type { TimedCommand } from "./agenda-arbitraries.js";
import { MACHINE } from "./agenda-shard.js";

const REPLICA = 1;
const TERM = 1;
const codec = createStoreCodec();

export function entriesOf(log: readonly TimedCommand[]): readonly Entry[] {
  return log.map(({ command, timeMs }, i) => ({
    term: TERM,
    index: i + 1,
    kind: "normal",
    data: frameEntry(timeMs, encodeCommand(command)),
  }));
}

/** A replica of the agenda without Raft: it applies what it is given, on a store of its own. */
export class AppliedReplica {
  readonly #disk: MemoryDisk;
  #store: Store;
  #applier: Applier;
  #round = 0;
  #applied: () => void = () => undefined;
  #failed: (error: unknown) => void = () => undefined;

  /** `delay` says how many turns each access to the disk takes, one after the other: reads and writes overtake each other. */
  static async start(delay: () => number): Promise<AppliedReplica> {
    const disk = new MemoryDisk({ schedule: (run) => later(delay(), run) });
    const store = await openMemoryStore({ disk });
    const replica = new AppliedReplica(disk, store);
    await replica.#open();
    return replica;
  }

  private constructor(disk: MemoryDisk, store: Store) {
    this.#disk = disk;
    this.#store = store;
    this.#applier = this.#createApplier(NOTHING_APPLIED);
  }

  get index(): number {
    return this.#applier.state.index;
  }

  /** Of the state after an entry, as hexadecimal digits. */
  hashAt(index: number): string | undefined {
    const found = this.#applier.hashAt(index);
    return found && Buffer.from(found).toString("hex");
  }

  /**
   * In one run, or in as many as the applier makes of it. Meanwhile the entries go to the disk, and where `writing` is true what
   * was applied before: what applying needs may be read before that write, or after.
   */
  async apply(entries: readonly Entry[], writing: boolean): Promise<void> {
    const last = entries.at(-1);
    if (last === undefined) return;
    const done = new Promise<void>((resolve, reject) => {
      this.#applied = () => {
        if (this.index === last.index) resolve();
      };
      this.#failed = reject;
    });
    const hardState = { term: TERM, vote: 0, commit: last.index };
    this.#applier.enqueue(entries);
    await Promise.all([this.#write({ hardState, entries }, writing), done]);
  }

  /** What is applied goes to the disk. */
  write(): Promise<void> {
    return this.#write({}, true);
  }

  /** What was applied and not written has to be applied again. */
  async restart(): Promise<void> {
    await this.#store.close();
    this.#store = await openMemoryStore({ disk: this.#disk });
    await this.#open();
  }

  /** What is on this one's disk takes the place of whatever the other one has. */
  async sendSnapshotTo(other: AppliedReplica): Promise<void> {
    const source = await this.#store.openSnapshot(REPLICA);
    const sink = await other.#store.createSnapshotSink(REPLICA);
    await copySnapshot(source, sink);
    await source.close();
    const { state } = sink;
    if (state === undefined) throw new Error("a snapshot without its applied row");
    const hardState = { term: state.term, vote: 0, commit: state.index };
    await other.#store.write([{ replica: REPLICA, hardState, install: sink }], true);
    other.#applier.reset(state);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Of everything on the disk. */
  scan(): Promise<StateScan> {
    return this.#store.scanState(REPLICA);
  }

  /** Takes before anything else what is applied by now: what is applied meanwhile is the next round's. */
  async #write(appended: Omit<ReplicaRound, "replica">, takes: boolean): Promise<void> {
    const applied = takes ? this.#applier.takeUnwritten() : undefined;
    this.#round++;
    const round = { replica: REPLICA, ...appended, ...(applied === undefined ? {} : { applied }) };
    await this.#store.write([round], true);
    this.#applier.written(this.#round, applied?.writes ?? []);
  }

  async #open(): Promise<void> {
    const { applied, lost } = await this.#store.openReplica(REPLICA, MEMBERS);
    if (lost !== undefined) throw new Error(lost.reason);
    this.#applier = this.#createApplier(applied);
  }

  #createApplier(initial: Applier["state"]): Applier {
    return new Applier({
      machine: MACHINE,
      codec,
      digest: (bytes) => hash("sha256", bytes, "buffer"),
      cache: new StateCache(),
      initial,
      read: (keys, ranges) => this.#store.read(REPLICA, keys, ranges),
      round: () => this.#round + 1,
      applyConfChange: () => {
        throw new Error("no members change here");
      },
      nowMs: () => 0,
      applied: () => this.#applied(),
      posted: () => undefined,
      failed: (error) => this.#failed(error),
    });
  }
}

function later(turns: number, run: () => void): void {
  queueMicrotask(turns === 0 ? run : () => later(turns - 1, run));
}

const NOTHING_APPLIED: Applier["state"] = {
  index: 0,
  term: 0,
  timeMs: 0,
  sequence: 0,
  firstSequence: 1,
  confState: MEMBERS,
  stateHash: new Uint8Array(32),
  epoch: 0,
  featureLevel: 1,
};
