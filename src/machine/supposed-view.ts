import type { KeyRange, StateKey, StateRow, View, Write } from "./types.js";

/** A state as it would be with writes that nobody makes. */
export class SupposedView implements View {
  readonly #view: View;
  readonly #written = new Map<StateKey, Uint8Array | undefined>();

  constructor(view: View) {
    this.#view = view;
  }

  suppose(writes: readonly Write[]): void {
    for (const { key, value } of writes) this.#written.set(key, value);
  }

  isLoaded(key: StateKey): boolean {
    return this.#written.has(key) || this.#view.isLoaded(key);
  }

  get(key: StateKey): Uint8Array | undefined {
    return this.#written.has(key) ? this.#written.get(key) : this.#view.get(key);
  }

  range(range: KeyRange): readonly StateRow[] {
    const { start, end, limit, reverse = false } = range;
    const written = [...this.#written].filter(([key]) => key >= start && key < end);
    if (written.length === 0) return this.#view.range(range);
    // What is written may take the place of as many rows that stand.
    const standing = this.#view.range({ ...range, limit: limit + written.length });
    const rows = new Map(standing.map(({ key, value }) => [key, value]));
    for (const [key, value] of written) {
      if (value === undefined) rows.delete(key);
      else rows.set(key, value);
    }
    const order = reverse ? -1 : 1;
    return [...rows]
      .map(([key, value]) => ({ key, value }))
      .sort((a, b) => (a.key < b.key ? -order : order))
      .slice(0, limit);
  }
}
