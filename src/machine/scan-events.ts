import { assert } from "../base/index.js";
import type { CalendarEvent } from "../domain/index.js";
import {
  indexPrefix,
  LENGTH_CLASSES,
  OCCURRENCE_CLASSES,
  ofOccurrences,
  RECURRING_CLASS,
  timeRange,
} from "./event-times.js";
import { indexOf } from "./calendar-index.js";
import { gather } from "./gather.js";
import { instanceAt, instanceId } from "./instances.js";
import { keyAfter, KEYS, prefixRange, TIME_END_MS, TIME_MIN_MS, timeKey } from "./rows.js";
import type { RowCodecs } from "./rows.js";
import { StateReader } from "./state-reader.js";
import type { KeyRange, StateKey, StateRow, View } from "./types.js";

/** What is scanned, in order of start, then id, then calendar. */
export interface Scan {
  readonly calendars: readonly string[];
  /**
   * Events that end after this; 0 for all. Within a window an event that repeats is each of its occurrences, without one it is
   * itself, once.
   */
  readonly windowStartMs: number;
  /** Events that start before this; 0 for all. */
  readonly windowEndMs: number;
  readonly showDeleted: boolean;
  /** Place after which it begins; empty for the first. */
  readonly after: string;
  /** Rows to read of each range at once. */
  readonly chunkRows: number;
}

export interface Scanned {
  readonly event: CalendarEvent;
  /** What orders it among the others: an `after` to go on from. */
  readonly place: string;
  /** What its row takes. */
  readonly bytes: number;
  /** Whether it overlaps the window: what ends before it is given too, for whoever scans counts rows. */
  readonly overlaps: boolean;
}

/** How often a scan reads on: each time much more, and a query that reads too often is stopped. */
const RELOADS_MAX = 6;
const RELOAD_FACTOR = 4;

const PLACE = /^[0-9]{15}\/e[0-9a-z]{26}(?:_[0-9]{8}t[0-9]{6}z)?\/[a-z0-9.-]{1,127}$/;

/** Whether a text is what `Scanned.place` can be. */
export function isPlace(text: string): boolean {
  return PLACE.test(text);
}

/**
 * Everything that overlaps the window, from the classes of length of each calendar merged. A place is a key, so what is
 * written between two scans neither repeats nor hides an event that stood throughout.
 */
export class EventScan {
  readonly #view: View;
  readonly #rows: RowCodecs;
  readonly #windowStartMs: number;
  readonly #after: string;
  readonly #cursors: readonly Cursor[];
  #reloads = 0;
  #isCut = false;

  constructor(view: View, rows: RowCodecs, scan: Scan) {
    this.#view = view;
    this.#rows = rows;
    this.#windowStartMs = scan.windowStartMs;
    this.#after = scan.after;
    gather(view, { keys: scan.calendars.map(KEYS.calendarIndex), ranges: [] });
    const state = new StateReader(rows, view);
    this.#cursors = openCursors(scan, (calendar) => indexOf(state, calendar).classes);
    this.#load(this.#cursors);
  }

  /** The scan ended before everything was seen: go on after the last place. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Undefined at the end, or where it was cut. */
  next(): Scanned | undefined {
    const spent = this.#cursors.filter((cursor) => cursor.isSpent);
    if (spent.length > 0) {
      if (this.#reloads === RELOADS_MAX) {
        this.#isCut = true;
        return undefined;
      }
      this.#reloads++;
      for (const cursor of spent) cursor.readOn();
      this.#load(spent);
    }
    const cursor = leastCursor(this.#cursors);
    const row = cursor?.peek();
    if (cursor === undefined || row === undefined) return undefined;
    if (cursor.placeOf(row) <= this.#after) {
      cursor.next();
      return this.next();
    }
    const { event, bytes } = this.#read(cursor, row);
    const place = cursor.placeOf(row);
    cursor.next();
    const { endMs } = timeRange(event.span);
    return {
      event,
      place,
      bytes,
      overlaps: this.#windowStartMs === 0 || endMs > this.#windowStartMs,
    };
  }

  #load(cursors: readonly Cursor[]): void {
    gather(this.#view, { keys: [], ranges: cursors.map((cursor) => cursor.range) });
    for (const cursor of cursors) cursor.fill(this.#view.range(cursor.range));
    const keys = new Set(cursors.flatMap((cursor) => cursor.recurringKeys()));
    gather(this.#view, { keys: [...keys], ranges: [] });
  }

  #read(cursor: Cursor, row: StateRow): { readonly event: CalendarEvent; readonly bytes: number } {
    const { event } = this.#rows;
    if (!cursor.isOccurrences) return { event: event.decode(row.value), bytes: row.value.length };
    const value = this.#view.get(cursor.recurringKey(row));
    assert(value !== undefined, `an occurrence of nothing: ${row.key}`);
    return { event: instanceAt(event.decode(value), cursor.startOf(row)), bytes: value.length };
  }
}

function openCursors(
  scan: Scan,
  classesIn: (calendar: string) => readonly string[],
): readonly Cursor[] {
  const inWindow = scan.windowStartMs !== 0 || scan.windowEndMs !== 0;
  const whole = { name: RECURRING_CLASS, maxMs: Infinity };
  const all = inWindow ? LENGTH_CLASSES : [...LENGTH_CLASSES, whole];
  return scan.calendars.flatMap((calendar) => {
    const has = classesIn(calendar);
    const classes = all.filter(({ name }) => has.includes(name));
    const occurrenceClasses = OCCURRENCE_CLASSES.filter(({ name }) =>
      has.includes(ofOccurrences(name)),
    );
    const open = (prefix: string, maxMs: number, isOccurrences: boolean): Cursor =>
      new Cursor(calendar, prefix, rangeOf(scan, prefix, maxMs), isOccurrences);
    return [
      ...classes.map(({ name, maxMs }) => open(indexPrefix(calendar, name, false), maxMs, false)),
      ...(scan.showDeleted ? classes : []).map(({ name, maxMs }) =>
        open(indexPrefix(calendar, name, true), maxMs, false),
      ),
      ...(inWindow ? occurrenceClasses : []).map(({ name, maxMs }) =>
        open(`eo/${calendar}/${name}`, maxMs, true),
      ),
    ];
  });
}

function rangeOf(scan: Scan, prefix: string, maxMs: number): KeyRange {
  const { windowStartMs, windowEndMs, after, chunkRows } = scan;
  const range = prefixRange(prefix, chunkRows);
  let { start, end } = range;
  if (windowStartMs !== 0) start = `${prefix}/${timeKey(clampTime(windowStartMs - maxMs))}`;
  if (after !== "") {
    // What is not after it for all that is passed over: instances of one event at one time.
    const [time = "", id = ""] = after.split("/");
    const [event = ""] = id.split("_");
    start = maxKey(start, `${prefix}/${time}/${event}`);
  }
  if (windowEndMs !== 0) end = `${prefix}/${timeKey(clampTime(windowEndMs))}`;
  return { ...range, start: start < end ? start : end, end };
}

/** The rows of one range in order, read piece by piece. */
class Cursor {
  readonly calendar: string;
  readonly isOccurrences: boolean;
  readonly #prefixLength: number;
  /** What was read last, or is to be read. */
  range: KeyRange;
  #rows: readonly StateRow[] = [];
  #at = 0;

  constructor(calendar: string, prefix: string, range: KeyRange, isOccurrences: boolean) {
    this.calendar = calendar;
    this.#prefixLength = prefix.length + 1;
    this.range = range;
    this.isOccurrences = isOccurrences;
  }

  /** Nothing is left of what was read, and there may be more. */
  get isSpent(): boolean {
    return this.#at === this.#rows.length && this.#rows.length === this.range.limit;
  }

  readOn(): void {
    const start = keyAfter(this.#rows.at(-1)?.key ?? this.range.start);
    this.range = { ...this.range, start, limit: this.range.limit * RELOAD_FACTOR };
  }

  fill(rows: readonly StateRow[]): void {
    this.#rows = rows;
    this.#at = 0;
  }

  peek(): StateRow | undefined {
    return this.#rows[this.#at];
  }

  next(): void {
    this.#at++;
  }

  /** The events whose occurrences were read. */
  recurringKeys(): readonly StateKey[] {
    if (!this.isOccurrences) return [];
    return [...new Set(this.#rows.map((row) => this.recurringKey(row)))];
  }

  recurringKey(row: StateRow): StateKey {
    return KEYS.event(this.calendar, row.key.slice(row.key.lastIndexOf("/") + 1));
  }

  startOf(row: StateRow): number {
    return Number(row.key.slice(this.#prefixLength, row.key.lastIndexOf("/"))) + TIME_MIN_MS;
  }

  /** What orders the row across cursors. */
  placeOf(row: StateRow): string {
    const suffix = row.key.slice(this.#prefixLength);
    if (!this.isOccurrences) return `${suffix}/${this.calendar}`;
    const [time = "", event = ""] = suffix.split("/");
    return `${time}/${instanceId(event, this.startOf(row))}/${this.calendar}`;
  }
}

function leastCursor(cursors: readonly Cursor[]): Cursor | undefined {
  let least: Cursor | undefined;
  let leastPlace: string | undefined;
  for (const cursor of cursors) {
    const row = cursor.peek();
    if (row === undefined) continue;
    const place = cursor.placeOf(row);
    if (leastPlace === undefined || place < leastPlace) {
      least = cursor;
      leastPlace = place;
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
