import { NotLoaded } from "../machine/index.js";
import type { KeyRange, StateKey, StateRow, View } from "../machine/index.js";
import type { ReadResult } from "./ports.js";
import type { StateCache } from "./state-cache.js";

export function rangeKey(range: KeyRange): string {
  return `${range.start}\n${range.end}\n${range.reverse === true ? "<" : ">"}`;
}

interface LoadedRange {
  readonly limit: number;
  readonly rows: readonly StateRow[];
}

/**
 * The state as applying sees it: cache, overlay, and ranges that were read for the present run of entries. Ranges hold
 * stored rows; what was applied since is merged in, so they stay right while the cache is pinned.
 */
export class ApplyView implements View {
  readonly #cache: StateCache;
  readonly #ranges = new Map<string, LoadedRange>();

  constructor(cache: StateCache) {
    this.#cache = cache;
  }

  isLoaded(key: StateKey): boolean {
    return this.#cache.has(key);
  }

  get(key: StateKey): Uint8Array | undefined {
    if (!this.#cache.has(key)) throw new NotLoaded({ keys: [key], ranges: [] });
    return this.#cache.get(key);
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
    throw new NotLoaded({ keys: [], ranges: [{ ...range, limit: loaded.limit * 2 }] });
  }

  fill(ranges: readonly KeyRange[], result: ReadResult): void {
    for (const [key, value] of result.values) this.#cache.fill(key, value);
    ranges.forEach((range, i) => {
      this.#ranges.set(rangeKey(range), { limit: range.limit, rows: result.ranges[i] ?? [] });
    });
  }

  forgetRanges(): void {
    this.#ranges.clear();
  }
}

/** The state as one query sees it: what one read of the store brought, as of one moment. */
export class QueryView implements View {
  readonly #ranges: ReadonlyMap<string, readonly StateRow[]>;
  readonly #result: ReadResult | undefined;

  constructor(ranges: readonly KeyRange[], result: ReadResult | undefined) {
    this.#result = result;
    this.#ranges = new Map(
      ranges.map((range, i) => [`${rangeKey(range)}${range.limit}`, result?.ranges[i] ?? []]),
    );
  }

  isLoaded(key: StateKey): boolean {
    return this.#result?.values.has(key) === true;
  }

  get(key: StateKey): Uint8Array | undefined {
    if (this.#result?.values.has(key) !== true) throw new NotLoaded({ keys: [key], ranges: [] });
    return this.#result.values.get(key);
  }

  range(range: KeyRange): readonly StateRow[] {
    const rows = this.#ranges.get(`${rangeKey(range)}${range.limit}`);
    if (rows === undefined) throw new NotLoaded({ keys: [], ranges: [range] });
    return rows;
  }
}
