import type { CalendarEvent, Question } from "../domain/index.js";
import { indexSuffix, timeRange } from "./event-times.js";
import type { FoundEvent } from "./find-event.js";
import { gather } from "./gather.js";
import { instanceAt, instanceId, standingStarts } from "./instances.js";
import type { EventPage } from "./list-events.js";
import { KEYS } from "./rows.js";
import type { RowCodecs } from "./rows.js";
import type { View } from "./types.js";

/**
 * The standing instances of an event that repeats, those that were moved where they are now. Keyset, as every list: what is
 * written between two pages neither repeats nor hides an instance that stood throughout.
 */
export function listInstances(
  view: View,
  rows: RowCodecs,
  { event, series }: FoundEvent & { readonly kind: "row" },
  question: Extract<Question, { kind: "list-instances" }>,
): EventPage {
  if (series === undefined) return { events: [], next: "" };
  const { windowStartMs, windowEndMs, after, pageSize } = question;
  const keys = series.exceptedMs.map((ms) => KEYS.event(event.calendar, instanceId(event.id, ms)));
  gather(view, { keys, ranges: [] });
  const written = keys.flatMap((key) => {
    const value = view.get(key);
    return value === undefined ? [] : [rows.event.decode(value)];
  });
  const all = [
    ...standingStarts(series).map((ms) => instanceAt(event, ms)),
    ...written.filter(({ deleteTimeMs }) => deleteTimeMs === 0),
  ]
    .map((instance) => ({ instance, place: placeOf(instance) }))
    .filter(({ instance, place }) => {
      const { startMs, endMs } = timeRange(instance.span);
      const starts = windowEndMs === 0 || startMs < windowEndMs;
      return starts && (windowStartMs === 0 || endMs > windowStartMs) && place > after;
    })
    .sort((a, b) => (a.place < b.place ? -1 : 1));
  const page = all.slice(0, pageSize);
  return {
    events: page.map(({ instance }) => instance),
    next: all.length > page.length ? (page.at(-1)?.place ?? "") : "",
  };
}

function placeOf(event: CalendarEvent): string {
  const { startMs } = timeRange(event.span);
  return `${indexSuffix(startMs, event.id)}/${event.calendar}`;
}
