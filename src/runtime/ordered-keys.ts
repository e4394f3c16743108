import type { KeyRange, StateKey } from "../machine/index.js";

/** A set of keys that knows their order, for ranges that are cut out of a few thousand keys at most. */
export class OrderedKeys {
  #keys: StateKey[] = [];

  /** The key must not be there yet. */
  add(key: StateKey): void {
    this.#keys.splice(this.#placeOf(key), 0, key);
  }

  /** Keeps those that `isKept` says. */
  keep(isKept: (key: StateKey) => boolean): void {
    this.#keys = this.#keys.filter(isKept);
  }

  within({ start, end }: KeyRange): readonly StateKey[] {
    return this.#keys.slice(this.#placeOf(start), this.#placeOf(end));
  }

  /** How many keys come before this one. */
  #placeOf(key: StateKey): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#keys[middle];
      if (at !== undefined && at < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
