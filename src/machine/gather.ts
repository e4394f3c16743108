import { NotLoaded } from "./types.js";
import type { KeyRange, ReadSet, StateKey, View } from "./types.js";

/**
 * Names everything that is missing of a read set at once, so that one load brings it, where reading
 * row by row would name only the first. Reads nothing that the caller does not read anyway.
 */
export function gather(view: View, wanted: ReadSet): void {
  const keys: StateKey[] = wanted.keys.filter((key) => !view.isLoaded(key));
  const ranges: KeyRange[] = [];
  for (const range of wanted.ranges) note(() => view.range(range));
  if (keys.length > 0 || ranges.length > 0) throw new NotLoaded({ keys, ranges });

  function note(read: () => unknown): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof NotLoaded)) throw error;
      keys.push(...error.need.keys);
      ranges.push(...error.need.ranges);
    }
  }
}

/**
 * Runs all, so that what any of them misses is named at once. From the first that misses something on the others only say what
 * they miss: what they come to would depend on what is in memory.
 */
export function runEach<Item>(items: readonly Item[], run: (item: Item) => "go-on" | "stop"): void {
  const keys: StateKey[] = [];
  const ranges: KeyRange[] = [];
  let isMissing = false;
  for (const item of items) {
    try {
      if (run(item) === "stop" && !isMissing) return;
    } catch (error) {
      if (error instanceof NotLoaded) {
        isMissing = true;
        keys.push(...error.need.keys);
        ranges.push(...error.need.ranges);
      } else if (!isMissing) throw error;
    }
  }
  if (isMissing) throw new NotLoaded({ keys, ranges });
}
