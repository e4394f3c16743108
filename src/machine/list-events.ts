import type { CalendarEvent, Question } from "../domain/index.js";
import { indexPrefix, indexSuffix, LENGTH_CLASSES, timeRange } from "./event-times.js";
import { gather } from "./gather.js";
import { keyAfter, prefixRange, TIME_END_MS, TIME_MIN_MS, timeKey } from "./rows.js";
import type { RowCodecs } from "./rows.js";
import type { KeyRange, StateKey, StateRow, View } from "./types.js";

/** Of rows in a page; at least one row is given. */
const PAGE_BYTES_MAX = 1024 * 1024;
/**
 * Rows that one page looks at: one that ends here may be short, or empty, and still have a next.
 */
const SCAN_ROWS_MAX = 4_000;

export interface EventPage {
  readonly events: readonly CalendarEvent[];
  readonly next: string;
}

/** Whether a text is what `EventPage.next` can be. */
export function isAfter(text: string): boolean {
  return /^[0-9]{15}\/e[0-9a-z]{26}$/.test(text);
}

/**
 * Events in order of start, then id, that overlap [windowStart, windowEnd), from the classes of
 * length merged. The page's place is a key, so what is written between two pages neither repeats
 * nor hides an event that stood throughout.
 */
export function listEvents(
  view: View,
  rows: RowCodecs,
  question: Extract<Question, { kind: "list-events" }>,
): EventPage {
  const cursors = openCursors(view, question);
  gather(view, { keys: [], ranges: cursors.map((cursor) => cursor.range) });
  const events: CalendarEvent[] = [];
  let bytes = 0;
  let last = "";
  for (let scanned = 0; ; scanned++) {
    const cursor = leastCursor(cursors);
    const row = cursor?.peek();
    if (cursor === undefined || row === undefined) return { events, next: "" };
    const event = rows.event.decode(row.value);
    if (question.windowStartMs === 0 || timeRange(event.span).endMs > question.windowStartMs) {
      const isFull = events.length > 0 && bytes + row.value.length > PAGE_BYTES_MAX;
      if (events.length === question.pageSize || isFull) return { events, next: last };
      events.push(event);
      bytes += row.value.length;
    }
    last = indexSuffix(timeRange(event.span).startMs, event.id);
    if (scanned === SCAN_ROWS_MAX) return { events, next: last };
    cursor.next();
  }
}

function openCursors(
  view: View,
  question: Extract<Question, { kind: "list-events" }>,
): readonly Cursor[] {
  const { calendar, after, windowStartMs, windowEndMs, pageSize } = question;
  const kinds = question.showDeleted ? [false, true] : [false];
  return kinds.flatMap((deleted) =>
    LENGTH_CLASSES.map(({ name, maxMs }) => {
      const prefix = indexPrefix(calendar, name, deleted);
      const range = prefixRange(prefix, pageSize + 1);
      let { start, end } = range;
      if (windowStartMs !== 0) {
        start = `${prefix}/${timeKey(clampTime(windowStartMs - maxMs))}`;
      }
      if (after !== "") start = maxKey(start, keyAfter(`${prefix}/${after}`));
      if (windowEndMs !== 0) end = `${prefix}/${timeKey(clampTime(windowEndMs))}`;
      return new Cursor(view, prefix, { ...range, start: start < end ? start : end, end });
    }),
  );
}

/** The rows of one range in order, read piece by piece. */
class Cursor {
  readonly #view: View;
  readonly #prefixLength: number;
  /** What was read last. */
  range: KeyRange;
  #rows: readonly StateRow[] | undefined;
  #at = 0;

  constructor(view: View, prefix: string, range: KeyRange) {
    this.#view = view;
    this.#prefixLength = prefix.length + 1;
    this.range = range;
  }

  peek(): StateRow | undefined {
    this.#rows ??= this.#view.range(this.range);
    const lastKey = this.#rows.at(-1)?.key;
    if (this.#at === this.#rows.length && this.#at === this.range.limit && lastKey !== undefined) {
      this.range = { ...this.range, start: keyAfter(lastKey) };
      this.#rows = this.#view.range(this.range);
      this.#at = 0;
    }
    return this.#rows[this.#at];
  }

  next(): void {
    this.#at++;
  }

  /** What orders the row across cursors; undefined at the end. */
  suffix(): string | undefined {
    return this.peek()?.key.slice(this.#prefixLength);
  }
}

function leastCursor(cursors: readonly Cursor[]): Cursor | undefined {
  let least: Cursor | undefined;
  let leastSuffix: string | undefined;
  for (const cursor of cursors) {
    const suffix = cursor.suffix();
    if (suffix === undefined) continue;
    if (leastSuffix === undefined || suffix < leastSuffix) {
      least = cursor;
      leastSuffix = suffix;
    }
  }
  return least;
}

function clampTime(timeMs: number): number {
  return Math.min(Math.max(timeMs, TIME_MIN_MS), TIME_END_MS);
}

function maxKey(a: StateKey, b: StateKey): StateKey {
  return a > b ? a : b;
}
