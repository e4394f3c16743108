import { assert } from "../base/index.js";
import type { Command, CommandReply } from "../domain/index.js";
import { NotLoaded } from "../machine/index.js";
import type { Applied, KeyRange, Machine, ReadSet, StateKey, Write } from "../machine/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ConfState, Entry } from "../raft/index.js";
import { openEntry } from "./entry-frame.js";
import type { OpenedEntry } from "./entry-frame.js";
import { LoadedView } from "./loaded-view.js";
import type { EntryCodec, AppliedState, FeedRow, ReadResult } from "./ports.js";
import type { StateCache } from "./state-cache.js";
import { tooOld } from "./refusals.js";
import { StateHash } from "./state-hash.js";
import type { Digest } from "./state-hash.js";
import { StateHashes } from "./state-hashes.js";

/** Entries whose reads are loaded together. */
const RUN_ENTRIES_MAX = 256;

/** Key, prefix and checksum of a row, about. */
const WRITE_OVERHEAD_BYTES = 64;

export interface ApplierOptions {
  readonly machine: Machine;
  readonly codec: EntryCodec;
  readonly digest: Digest;
  readonly cache: StateCache;
  readonly initial: AppliedState;
  readonly read: (keys: readonly StateKey[], ranges: readonly KeyRange[]) => Promise<ReadResult>;
  /** Round number that writes what is applied now. */
  readonly round: () => number;
  /** Besides the new membership, what the state keeps of it. */
  readonly applyConfChange: (entry: Entry) => {
    readonly confState: ConfState;
    readonly writes: readonly Write[];
  };
  /** Monotonic. */
  readonly nowMs: () => number;
  /** A run of entries was applied, which took so long: in order, once. */
  readonly applied: (
    results: readonly AppliedEntry[],
    feed: readonly FeedRow[],
    ms: number,
  ) => void;
  /** There is something new for another shard, as of an entry that is applied but may not be written yet. */
  readonly posted: (target: ShardNumber) => void;
  /** An entry could not be applied at all: this replica must stop. */
  readonly failed: (error: unknown) => void;
}

export interface AppliedEntry {
  readonly index: number;
  readonly term: number;
  /** Undefined for entries without a command. */
  readonly reply: CommandReply | undefined;
  /** Entries of the audit trail that it wrote. */
  readonly audited: number;
  readonly sequence: number;
}

/** What applying left to be written to the disk. */
export interface UnwrittenState {
  readonly writes: Write[];
  readonly feed: FeedRow[];
  readonly state: AppliedState;
}

interface ProposedCommand {
  readonly term: number;
  readonly command: Command;
}

interface OpenedCommand {
  readonly kind: "command";
  readonly timeMs: number;
  readonly command: Command;
}

type Opened = OpenedCommand | Extract<OpenedEntry, { readonly kind: "level" }>;

/**
 * Applies committed entries in order, each exactly once. Its result depends on the log alone: what is in memory and what has
 * to be loaded first only changes how long it takes.
 */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #cache: StateCache;
  readonly #view: LoadedView;
  readonly #hash: StateHash;
  /** Commands that this replica proposed itself are not decoded twice. Another leader's entry may come to stand there. */
  readonly #decoded = new Map<number, ProposedCommand>();
  #queue: Entry[] = [];
  #running = false;
  #state: AppliedState;
  #writes: Write[] = [];
  #feed: FeedRow[] = [];
  /** Changes of the run that is being applied. */
  #runFeed: FeedRow[] = [];
  #dirty = false;
  #unwrittenBytes = 0;
  readonly #hashes = new StateHashes();

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#cache = options.cache;
    this.#view = new LoadedView(options.cache);
    this.#hash = new StateHash(options.digest);
    this.#state = options.initial;
  }

  /** As of the last applied entry, written or not. */
  get state(): AppliedState {
    return this.#state;
  }

  /** Undefined for an entry that is not applied yet, or too long ago. */
  hashAt(index: number): Uint8Array | undefined {
    return index === this.#state.index ? this.#state.stateHash : this.#hashes.find(index);
  }

  get queued(): number {
    return this.#queue.length;
  }

  remember(index: number, term: number, command: Command): void {
    this.#decoded.set(index, { term, command });
  }

  enqueue(entries: readonly Entry[]): void {
    for (const entry of entries) this.#queue.push(entry);
    if (!this.#running) this.#run();
  }

  /** What the next round has to write, once. */
  takeUnwritten(): UnwrittenState | undefined {
    if (!this.#dirty) return undefined;
    const unwritten = { writes: this.#writes, feed: this.#feed, state: this.#state };
    this.#writes = [];
    this.#feed = [];
    this.#dirty = false;
    this.#unwrittenBytes = 0;
    return unwritten;
  }

  get hasUnwritten(): boolean {
    return this.#dirty;
  }

  /** About what the next round has to write. */
  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  written(round: number, writes: readonly Write[]): void {
    this.#cache.written(
      round,
      writes.map(({ key }) => key),
    );
  }

  /** Everything is replaced by a snapshot: a run that is loading is dropped. */
  reset(state: AppliedState): void {
    this.#queue = [];
    this.#decoded.clear();
    this.#writes = [];
    this.#feed = [];
    this.#dirty = false;
    this.#unwrittenBytes = 0;
    this.#cache.clear();
    this.#view.forget();
    this.#hashes.reset();
    this.#state = state;
  }

  #run(): void {
    this.#running = true;
    void this.#runAll().then(
      () => {
        this.#running = false;
        if (this.#queue.length > 0) this.#run();
      },
      (error: unknown) => {
        this.#options.failed(error);
      },
    );
  }

  async #runAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const generation = this.#cache.generation;
      const run = this.#queue.slice(0, RUN_ENTRIES_MAX);
      this.#runFeed = [];
      const startMs = this.#options.nowMs();
      const pin = this.#cache.pin();
      try {
        const results = await this.#applyRun(run, generation);
        if (results === undefined || generation !== this.#cache.generation) continue;
        this.#queue.splice(0, run.length);
        this.#options.applied(results, this.#runFeed, this.#options.nowMs() - startMs);
      } finally {
        this.#view.forget();
        this.#cache.unpin(pin);
      }
    }
  }

  /** Undefined where a snapshot replaced the state meanwhile. */
  async #applyRun(
    run: readonly Entry[],
    generation: number,
  ): Promise<readonly AppliedEntry[] | undefined> {
    const commands = run.map((entry) => this.#contentOf(entry));
    const missing = this.#missing(commands);
    if (missing.keys.length > 0 || missing.ranges.length > 0) {
      if (!(await this.#load(missing, generation))) return undefined;
    }
    const results: AppliedEntry[] = [];
    for (const [i, entry] of run.entries()) {
      const opened = commands[i];
      let reply: CommandReply | undefined;
      let audited = 0;
      if (opened === undefined) {
        const { confState, writes } =
          entry.kind === "normal"
            ? { confState: this.#state.confState, writes: [] }
            : this.#options.applyConfChange(entry);
        this.#advance(entry, this.#state.timeMs, writes, { confState });
      } else if (opened.kind === "level") {
        this.#raise(entry, opened);
      } else {
        let applied = this.#tryApply(entry, opened);
        // However often: that depends on what is in memory, and what comes of an entry must not.
        while (applied instanceof NotLoaded) {
          if (!(await this.#load(applied.need, generation))) return undefined;
          applied = this.#tryApply(entry, opened);
        }
        reply = this.#take(entry, opened.timeMs, applied);
        audited = applied.audited ?? 0;
      }
      results.push({
        index: entry.index,
        term: entry.term,
        reply,
        audited,
        sequence: this.#state.sequence,
      });
    }
    return results;
  }

  #contentOf(entry: Entry): Opened | undefined {
    if (entry.kind !== "normal" || entry.data.length === 0) return undefined;
    const opened = openEntry(entry.data);
    if (opened.kind === "level") return opened;
    const { timeMs, command } = opened;
    const proposed = this.#decoded.get(entry.index);
    this.#decoded.delete(entry.index);
    if (proposed?.term === entry.term)
      return { kind: "command", timeMs, command: proposed.command };
    return { kind: "command", timeMs, command: this.#options.codec.decodeCommand(command) };
  }

  #missing(commands: readonly (Opened | undefined)[]): ReadSet {
    const keys = new Set<StateKey>();
    const ranges: KeyRange[] = [];
    for (const opened of commands) {
      if (opened?.kind !== "command") continue;
      const reads = this.#options.machine.reads(opened.command);
      for (const key of reads.keys) if (!this.#cache.has(key)) keys.add(key);
      ranges.push(...reads.ranges);
    }
    return { keys: [...keys], ranges };
  }

  async #load(need: ReadSet, generation: number): Promise<boolean> {
    const result = await this.#options.read(need.keys, need.ranges);
    if (generation !== this.#cache.generation) return false;
    this.#view.fill(need.ranges, result);
    assert(this.#view.has(need), "the store did not read what was asked of it");
    return true;
  }

  #tryApply(entry: Entry, opened: OpenedCommand): Applied | NotLoaded {
    try {
      const context = {
        index: entry.index,
        term: entry.term,
        timeMs: Math.max(opened.timeMs, this.#state.timeMs),
        sequence: this.#state.sequence,
        featureLevel: this.#state.featureLevel,
      };
      return this.#options.machine.apply(context, opened.command, this.#view);
    } catch (error) {
      if (error instanceof NotLoaded) return error;
      throw error;
    }
  }

  /** What comes next in the log may be unknown to this version. */
  #raise(entry: Entry, opened: { readonly timeMs: number; readonly level: number }): void {
    const { featureLevel: known } = this.#options.machine;
    if (opened.level > known) throw tooOld(opened.level, known);
    const featureLevel = Math.max(opened.level, this.#state.featureLevel);
    this.#advance(entry, Math.max(opened.timeMs, this.#state.timeMs), [], { featureLevel });
  }

  #take(entry: Entry, timeMs: number, applied: Applied): CommandReply {
    const { codec } = this.#options;
    let sequence = this.#state.sequence;
    const time = Math.max(timeMs, this.#state.timeMs);
    for (const change of applied.changes) {
      sequence++;
      const channels = new Set([change.channel, ...change.audience.map((user) => `users/${user}`)]);
      const row = {
        sequence,
        index: entry.index,
        timeMs: time,
        channels: [...channels],
        change: codec.encodeChange(change),
      };
      this.#feed.push(row);
      this.#unwrittenBytes += WRITE_OVERHEAD_BYTES + row.change.length;
      this.#runFeed.push(row);
    }
    for (const target of applied.posted ?? []) this.#options.posted(target);
    const firstSequence = Math.max(this.#state.firstSequence, (applied.trimFeedTo ?? 0) + 1);
    this.#advance(entry, time, applied.writes, { sequence, firstSequence });
    return applied.reply;
  }

  #advance(
    entry: Entry,
    timeMs: number,
    writes: readonly Write[],
    changed: Partial<AppliedState>,
  ): void {
    assert(entry.index === this.#state.index + 1, `entry ${entry.index} out of order`);
    for (const write of writes) {
      this.#writes.push(write);
      this.#unwrittenBytes += WRITE_OVERHEAD_BYTES + (write.value?.length ?? 0);
    }
    this.#cache.write(writes, this.#options.round());
    this.#dirty = true;
    this.#state = {
      ...this.#state,
      ...changed,
      index: entry.index,
      term: entry.term,
      timeMs,
      stateHash: this.#hash.next(this.#state.stateHash, entry.index, writes),
    };
    this.#hashes.applied(entry.index, this.#state.stateHash);
  }
}
