import { ClusterError } from "../base/index.js";
import type {
  CursorRange,
  Engine,
  EngineBatch,
  EngineCursor,
  EngineRow,
  Failure,
} from "./engine.js";
import { MARKER_BYTES } from "./marker.js";
import type { MarkerMedium } from "./marker-writer.js";

const PAGE_ROWS = 100;

export interface MemoryDiskOptions {
  /** Ends an operation that was begun, later; by default in a microtask. */
  readonly schedule?: (run: () => void) => void;
  readonly freeBytes?: number;
}

type Change = readonly [key: string, value: Buffer | undefined];

/** A write that was begun: what a power cut may or may not leave. */
interface Begun {
  /** Batches survive in order, the marker by itself. */
  readonly kind: "batch" | "marker";
  readonly happen: (random: () => number) => void;
}

/**
 * What a machine's disk holds, outliving the store that is opened on it. Written means visible;
 * only a synced write, and whatever was written before it, survives `crash`.
 */
export class MemoryDisk {
  #rows = new SortedRows();
  /** How to take back what is not durable, oldest first. */
  #undo: (readonly Change[])[] = [];
  #marker: Buffer | undefined;
  readonly #begun = new Set<Begun>();
  readonly #schedule: (run: () => void) => void;
  /** Raised by a crash: what belongs to an earlier one never ends and is never called back. */
  #life = 0;
  #locked = false;
  /** What `usage` says; nothing fails for lack of it. */
  freeBytes: number;
  /** Set: every write fails with it, before anything is written. */
  writeFault: Error | undefined;

  constructor(options: MemoryDiskOptions = {}) {
    this.#schedule = options.schedule ?? queueMicrotask;
    this.freeBytes = options.freeBytes ?? 2 ** 40;
  }

  /**
   * Power cut. Of what was begun and not durable, `random` in [0, 1) decides how much is there
   * afterwards: without it, nothing. Batches survive in order; a marker write survives, not, or
   * torn, apart from them. Returns how many writes left nothing.
   */
  crash(random: () => number = () => 0): number {
    this.#life++;
    this.#locked = false;
    const kept = Math.floor(random() * (this.#undo.length + 1));
    let lost = this.#undo.length - kept;
    let unbroken = lost === 0;
    while (this.#undo.length > kept) this.#rows.apply(this.#undo.pop() ?? []);
    for (const begun of this.#begun) {
      const survives = random() >= 0.5;
      if (begun.kind === "batch") unbroken &&= survives;
      if (begun.kind === "batch" ? unbroken : survives) begun.happen(random);
      else lost++;
    }
    this.#begun.clear();
    this.#undo = [];
    return lost;
  }

  /** Another disk with the same durable content, as an administrator's copy would have. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk({ schedule: this.#schedule, freeBytes: this.freeBytes });
    copy.copyRowsFrom(this);
    copy.copyMarkerFrom(this);
    return copy;
  }

  copyRowsFrom(other: MemoryDisk): void {
    this.#rows = other.#rows.copy();
  }

  copyMarkerFrom(other: MemoryDisk): void {
    this.#marker = other.#marker && Buffer.from(other.#marker);
  }

  openEngine(): Engine {
    if (this.#locked) {
      throw new ClusterError("failed-precondition", "another store uses this disk: close it first");
    }
    this.#locked = true;
    const life = this.#life;
    return {
      batch: () => this.#batch(life),
      get: (key, callback) => {
        this.#later(life, () => callback(undefined, this.#rows.get(key.toString("latin1"))));
      },
      cursor: (range) => this.#cursor(life, range),
      usage: () =>
        Promise.resolve({
          freeBytes: this.freeBytes,
          storeBytes: this.#rows.sizeBytes(),
          workingBytes: 0,
        }),
      close: () => {
        if (life === this.#life) this.#locked = false;
        return Promise.resolve();
      },
    };
  }

  openMarker(): MarkerMedium {
    const life = this.#life;
    return {
      read: () => Promise.resolve(this.#marker && Buffer.from(this.#marker)),
      format: () => {
        this.#marker = Buffer.alloc(MARKER_BYTES);
        return Promise.resolve();
      },
      write: (offset, bytes, callback) => {
        const copy = Buffer.from(bytes);
        const happen = (random: () => number) => {
          const torn = random() >= 0.9 ? Math.floor(random() * copy.length) : copy.length;
          this.#marker?.set(copy.subarray(0, torn), offset);
        };
        this.#begin(life, { kind: "marker", happen }, () => happen(() => 0), callback);
      },
      close: () => Promise.resolve(),
    };
  }

  #batch(life: number): EngineBatch {
    const changes: Change[] = [];
    return {
      put: (key, value) => changes.push([key.toString("latin1"), Buffer.from(value)]),
      del: (key) => changes.push([key.toString("latin1"), undefined]),
      write: (sync, callback) => {
        const happen = () => {
          const undo = this.#rows.apply(changes);
          if (sync) this.#undo = [];
          else this.#undo.push(undo);
        };
        this.#begin(life, { kind: "batch", happen }, happen, callback);
      },
    };
  }

  #begin(life: number, begun: Begun, happen: () => void, callback: (error: Failure) => void) {
    if (life !== this.#life) return;
    this.#begun.add(begun);
    this.#later(life, () => {
      this.#begun.delete(begun);
      if (this.writeFault !== undefined) {
        callback(this.writeFault);
        return;
      }
      happen();
      callback(undefined);
    });
  }

  #cursor(life: number, range: CursorRange): EngineCursor {
    const all = this.#rows.range(range);
    let rows: readonly EngineRow[] | undefined = all;
    return {
      nextPage: (callback) => {
        this.#later(life, () => {
          const page = rows?.slice(0, PAGE_ROWS);
          rows = rows !== undefined && rows.length > PAGE_ROWS ? rows.slice(PAGE_ROWS) : undefined;
          callback(undefined, page);
        });
      },
      seek: (from) => (rows = all.filter(([key]) => key.compare(from) >= 0)),
      end: () => (rows = undefined),
    };
  }

  #later(life: number, run: () => void): void {
    this.#schedule(() => {
      if (life === this.#life) run();
    });
  }
}

/** Keys as strings of bytes, so that their order is the bytes' order. */
class SortedRows {
  #keys: string[] = [];
  #values = new Map<string, Buffer>();

  get(key: string): Buffer | undefined {
    return this.#values.get(key);
  }

  /** Returns what takes it back. */
  apply(changes: readonly Change[]): readonly Change[] {
    const undo: Change[] = [];
    for (const [key, value] of changes) {
      const before = this.#values.get(key);
      undo.push([key, before]);
      if (value !== undefined) {
        if (before === undefined) this.#keys.splice(this.#lowerBound(key), 0, key);
        this.#values.set(key, value);
      } else if (before !== undefined) {
        this.#keys.splice(this.#lowerBound(key), 1);
        this.#values.delete(key);
      }
    }
    return undo.reverse();
  }

  range(range: CursorRange): readonly EngineRow[] {
    const from = this.#lowerBound(range.gte.toString("latin1"));
    const to = Math.max(from, this.#lowerBound(range.lt.toString("latin1")));
    const limit = range.limit === undefined || range.limit < 0 ? Infinity : range.limit;
    const keys = range.reverse
      ? this.#keys.slice(Math.max(from, to - limit), to).reverse()
      : this.#keys.slice(from, Math.min(to, from + limit));
    return keys.map((key) => [
      Buffer.from(key, "latin1"),
      this.#values.get(key) ?? Buffer.alloc(0),
    ]);
  }

  sizeBytes(): number {
    let bytes = 0;
    for (const [key, value] of this.#values) bytes += key.length + value.length;
    return bytes;
  }

  copy(): SortedRows {
    const copy = new SortedRows();
    copy.#keys = [...this.#keys];
    copy.#values = new Map(this.#values);
    return copy;
  }

  #lowerBound(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
