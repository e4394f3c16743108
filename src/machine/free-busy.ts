import type { BusySpan, CalendarBusy, Question } from "../domain/index.js";
import { timeRange } from "./event-times.js";
import { takesTime } from "./relation.js";
import type { EventSight } from "./relation.js";
import type { RowCodecs } from "./rows.js";
import { EventScan } from "./scan-events.js";
import type { View } from "./types.js";

/** Rows to read of each range at once: as many as a busy month has. */
const CHUNK_ROWS = 256;
const SCAN_ROWS_MAX = 20_000;

/** When calendars are busy: what stands in them and takes time, of what the caller sees, and without a word of what it is. */
export function freeBusy(
  view: View,
  rows: RowCodecs,
  { calendars, windowStartMs, windowEndMs }: Extract<Question, { kind: "free-busy" }>,
  see: EventSight,
): readonly CalendarBusy[] {
  const scan = new EventScan(view, rows, {
    calendars,
    windowStartMs,
    windowEndMs,
    showDeleted: false,
    after: "",
    chunkRows: CHUNK_ROWS,
  });
  const spans = new Map<string, BusySpan[]>(calendars.map((calendar) => [calendar, []]));
  let isCut = false;
  for (let scanned = 0; ; scanned++) {
    const found = scanned < SCAN_ROWS_MAX ? scan.next() : undefined;
    if (found === undefined) {
      isCut = scan.isCut || scanned === SCAN_ROWS_MAX;
      break;
    }
    if (!found.overlaps || !takesTime(found.event) || see(found.event) === undefined) continue;
    const { startMs, endMs } = timeRange(found.event.span);
    addSpan(spans.get(found.event.calendar) ?? [], {
      startMs: Math.max(startMs, windowStartMs),
      endMs: Math.min(endMs, windowEndMs),
    });
  }
  return calendars.map((calendar) => ({ calendar, spans: spans.get(calendar) ?? [], isCut }));
}

/** Spans come in order of start; what touches or overlaps the last one becomes a part of it. */
function addSpan(spans: BusySpan[], span: BusySpan): void {
  const last = spans.at(-1);
  if (last === undefined || span.startMs > last.endMs) spans.push(span);
  else spans[spans.length - 1] = { ...last, endMs: Math.max(last.endMs, span.endMs) };
}
