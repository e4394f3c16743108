import { NotLoaded } from "../../src/machine/index.js";
import type {
  Applied,
  ApplyContext,
  KeyRange,
  Machine,
  ReadSet,
  StateKey,
  StateRow,
  View,
  Write,
} from "../../src/machine/index.js";
import type { Change, Command } from "../../src/domain/index.js";

/** A shard's state in memory: everything is there, in order of key. */
export class MemoryState implements View {
  readonly #values = new Map<StateKey, Uint8Array>();
  /** In order. */
  readonly #sorted: StateKey[] = [];

  isLoaded(): boolean {
    return true;
  }

  get(key: StateKey): Uint8Array | undefined {
    return this.#values.get(key);
  }

  range({ start, end, limit, reverse = false }: KeyRange): readonly StateRow[] {
    const from = lowerBound(this.#sorted, start);
    const to = Math.max(from, lowerBound(this.#sorted, end));
    const keys = reverse
      ? this.#sorted.slice(Math.max(from, to - limit), to).reverse()
      : this.#sorted.slice(from, Math.min(to, from + limit));
    return keys.flatMap((key) => {
      const value = this.#values.get(key);
      return value === undefined ? [] : [{ key, value }];
    });
  }

  write(writes: readonly Write[]): void {
    for (const { key, value } of writes) {
      const place = lowerBound(this.#sorted, key);
      if (value === undefined) {
        if (this.#values.delete(key)) this.#sorted.splice(place, 1);
      } else {
        if (!this.#values.has(key)) this.#sorted.splice(place, 0, key);
        this.#values.set(key, value);
      }
    }
  }

  rows(): readonly StateRow[] {
    return this.range({ start: "", end: "\u007f", limit: Infinity });
  }
}

/** A view of a state that begins empty: only what `load` brought is in memory. */
export class LoadedView implements View {
  readonly #state: View;
  readonly #keys = new Set<StateKey>();
  readonly #ranges = new Set<string>();

  constructor(state: View) {
    this.#state = state;
  }

  load(need: ReadSet): void {
    for (const key of need.keys) this.#keys.add(key);
    for (const range of need.ranges) this.#ranges.add(JSON.stringify(range));
  }

  isLoaded(key: StateKey): boolean {
    return this.#keys.has(key);
  }

  get(key: StateKey): Uint8Array | undefined {
    if (!this.#keys.has(key)) throw new NotLoaded({ keys: [key], ranges: [] });
    return this.#state.get(key);
  }

  range(range: KeyRange): readonly StateRow[] {
    if (!this.#ranges.has(JSON.stringify(range)))
      throw new NotLoaded({ keys: [], ranges: [range] });
    return this.#state.range(range);
  }
}

/** Runs a call until everything that it reads is loaded; `loads` says how often it had to be loaded. */
export function runLoading<Result>(
  view: LoadedView,
  run: () => Result,
): { readonly result: Result; readonly loads: number } {
  for (let loads = 0; ; loads++) {
    try {
      return { result: run(), loads };
    } catch (error) {
      if (!(error instanceof NotLoaded)) throw error;
      view.load(error.need);
    }
  }
}

/** A shard of one replica without a log: applies commands one after the other. */
export class MemoryShard {
  readonly state = new MemoryState();
  /** All that were committed, in order. */
  readonly changes: Change[] = [];
  readonly #machine: Machine;
  featureLevel: number;
  #index = 0;
  #sequence = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.featureLevel = machine.featureLevel;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** The context of the next command. */
  context(timeMs: number): ApplyContext {
    const { featureLevel } = this;
    return { index: this.#index + 1, term: 1, timeMs, sequence: this.#sequence, featureLevel };
  }

  apply(command: Command, timeMs: number): Applied {
    const applied = this.#machine.apply(this.context(timeMs), command, this.state);
    this.#index++;
    this.#sequence += applied.changes.length;
    this.changes.push(...applied.changes);
    this.state.write(applied.writes);
    return applied;
  }
}

/** Index of the first key that is not less. */
function lowerBound(keys: readonly StateKey[], key: StateKey): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
