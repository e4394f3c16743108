import type { BusySpan, CalendarBusy, CalendarEvent } from "../domain/index.js";
import { keepsAway } from "./conflicts.js";
import { timeRange } from "./event-times.js";
import { EventScan } from "./scan-events.js";
import type { StateReader } from "./state-reader.js";

/** Rows to read of each range at once: as many as a busy month has. */
const CHUNK_ROWS = 256;
const SCAN_ROWS_MAX = 20_000;

export interface BusySearch {
  /** What is searched for each calendar that was asked for. */
  readonly calendars: ReadonlyMap<string, readonly string[]>;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
}

/** When calendars are busy: what the caller sees at all and what takes time, without a word of what it is. */
export function freeBusy(
  { view, rows }: StateReader,
  { calendars, windowStartMs, windowEndMs }: BusySearch,
  isSeen: (event: CalendarEvent) => boolean,
): readonly Omit<CalendarBusy, "isHidden">[] {
  const asked = new Map([...calendars].flatMap(([of, keys]) => keys.map((key) => [key, of])));
  const scan = new EventScan(view, rows, {
    calendars: [...asked.keys()],
    windowStartMs,
    windowEndMs,
    showDeleted: false,
    after: "",
    chunkRows: CHUNK_ROWS,
  });
  const spans = new Map<string, BusySpan[]>([...calendars.keys()].map((key) => [key, []]));
  let isCut = false;
  for (let scanned = 0; ; scanned++) {
    const found = scanned < SCAN_ROWS_MAX ? scan.next() : undefined;
    if (found === undefined) {
      isCut = scan.isCut || scanned === SCAN_ROWS_MAX;
      break;
    }
    const { event } = found;
    if (!found.overlaps || !keepsAway(event) || !isSeen(event)) continue;
    const { startMs, endMs } = timeRange(event.span);
    addSpan(spans.get(asked.get(event.calendar) ?? "") ?? [], {
      startMs: Math.max(startMs, windowStartMs),
      endMs: Math.min(endMs, windowEndMs),
    });
  }
  return [...spans].map(([calendar, found]) => ({ calendar, spans: found, isCut }));
}

/** Spans come in order of start; what touches or overlaps the last one becomes a part of it. */
function addSpan(spans: BusySpan[], span: BusySpan): void {
  const last = spans.at(-1);
  if (last === undefined || span.startMs > last.endMs) spans.push(span);
  else spans[spans.length - 1] = { ...last, endMs: Math.max(last.endMs, span.endMs) };
}
