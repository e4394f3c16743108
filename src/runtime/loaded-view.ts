import { NotLoaded } from "../machine/index.js";
import type { KeyRange, ReadSet, StateKey, StateRow, View } from "../machine/index.js";
import type { ReadResult } from "./ports.js";
import type { StateCache } from "./state-cache.js";

interface LoadedRange {
  readonly limit: number;
  readonly rows: readonly StateRow[];
}

/**
 * The state as it is applied at this moment: the cache, and what was read from the disk since the cache was pinned, with
 * everything applied since merged in. What runs without a pause sees one state, however many reads it took to get there.
 */
export class LoadedView implements View {
  readonly #cache: StateCache;
  readonly #values = new Map<StateKey, Uint8Array | undefined>();
  readonly #ranges = new Map<string, LoadedRange>();

  constructor(cache: StateCache) {
    this.#cache = cache;
  }

  isLoaded(key: StateKey): boolean {
    return this.#cache.has(key) || this.#values.has(key);
  }

  get(key: StateKey): Uint8Array | undefined {
    // The cache may have forgotten by now what was read into it.
    if (this.#cache.has(key)) return this.#cache.get(key);
    if (this.#values.has(key)) return this.#values.get(key);
    throw new NotLoaded({ keys: [key], ranges: [] });
  }

  range(range: KeyRange): readonly StateRow[] {
    const loaded = this.#ranges.get(rangeKey(range));
    if (loaded === undefined) throw new NotLoaded({ keys: [], ranges: [range] });
    const truncated = loaded.rows.length === loaded.limit;
    const lastStored = loaded.rows.at(-1)?.key;
    let rows = this.#cache.merge(range, loaded.rows);
    if (truncated && lastStored !== undefined) {
      // Beyond the last stored row there may be others that were not read.
      rows = rows.filter(({ key }) =>
        range.reverse === true ? key >= lastStored : key <= lastStored,
      );
    }
    if (rows.length >= range.limit) return rows.slice(0, range.limit);
    if (!truncated) return rows;
    const limit = Math.max(range.limit, loaded.limit * 2);
    throw new NotLoaded({ keys: [], ranges: [{ ...range, limit }] });
  }

  fill(ranges: readonly KeyRange[], result: ReadResult): void {
    for (const [key, value] of result.values) {
      this.#cache.fill(key, value);
      this.#values.set(key, value);
    }
    ranges.forEach((range, i) => {
      this.#ranges.set(rangeKey(range), { limit: range.limit, rows: result.ranges[i] ?? [] });
    });
  }

  /** Whether a run that asked for this goes on. */
  has({ keys, ranges }: ReadSet): boolean {
    return (
      keys.every((key) => this.isLoaded(key)) &&
      ranges.every((range) => (this.#ranges.get(rangeKey(range))?.limit ?? 0) >= range.limit)
    );
  }

  /** Before what was read is no longer kept right by a pin. */
  forget(): void {
    this.#values.clear();
    this.#ranges.clear();
  }
}

function rangeKey(range: KeyRange): string {
  return `${range.start}\n${range.end}\n${range.reverse === true ? "<" : ">"}`;
}
