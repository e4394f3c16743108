import type { CalendarEvent, EventCondition, Question } from "../domain/index.js";
import { matches } from "./event-filter.js";
import { EventScan } from "./scan-events.js";
import type { EventSight } from "./relation.js";
import type { RowCodecs } from "./rows.js";
import type { View } from "./types.js";

/** Of rows in a page; at least one row is given. */
const PAGE_BYTES_MAX = 1024 * 1024;
/**
 * Rows that one page looks at: one that ends here may be short, or empty, and still have a next.
 */
const SCAN_ROWS_MAX = 4_000;

export interface EventPage {
  readonly events: readonly CalendarEvent[];
  /** What orders them, where several shards are asked. */
  readonly places?: readonly string[];
  readonly next: string;
}

type Listing = Omit<Extract<Question, { kind: "list-events" }>, "kind">;

/** Events that overlap [windowStart, windowEnd) and are as the conditions say, of those and as of those that `see` shows. */
export function listEvents(
  view: View,
  rows: RowCodecs,
  listing: Listing,
  see: EventSight,
): EventPage {
  const { pageSize, conditions } = listing;
  const scan = new EventScan(view, rows, { ...listing, chunkRows: pageSize + 1 });
  const events: CalendarEvent[] = [];
  const places: string[] = [];
  const page = (next: string): EventPage =>
    listing.asAgenda ? { events, places, next } : { events, next };
  let bytes = 0;
  let last = "";
  for (let scanned = 0; ; scanned++) {
    if (scanned > SCAN_ROWS_MAX) return page(last);
    const found = scan.next();
    if (found === undefined) return page(scan.isCut ? last : "");
    const event = found.overlaps ? see(found.event) : undefined;
    if (event !== undefined && isWanted(event, conditions)) {
      const isFull = events.length > 0 && bytes + found.bytes > PAGE_BYTES_MAX;
      if (events.length === pageSize || isFull) return page(last);
      events.push(event);
      places.push(found.place);
      bytes += found.bytes;
    }
    last = found.place;
  }
}

function isWanted(event: CalendarEvent, conditions: readonly EventCondition[]): boolean {
  return conditions.every((condition) => matches(event, condition));
}
