import type { CalendarEvent } from "../domain/index.js";
import { gather } from "./gather.js";
import { instanceAt, isRecurring, parseInstanceId, standingStarts } from "./instances.js";
import { KEYS } from "./rows.js";
import type { RowCodecs, SeriesRow } from "./rows.js";
import type { RowCodec, StateKey, View } from "./types.js";

/** What an id names, deleted or not. */
export type FoundEvent =
  /** An event of its own, or an instance that was written by itself. */
  | { readonly kind: "row"; readonly event: CalendarEvent; readonly series: SeriesRow | undefined }
  /** An occurrence that nobody has touched. */
  | {
      readonly kind: "occurrence";
      readonly event: CalendarEvent;
      readonly recurring: CalendarEvent;
      readonly series: SeriesRow;
    };

export function findEventRow(
  view: View,
  rows: RowCodecs,
  calendar: string,
  id: string,
): FoundEvent | undefined {
  gather(view, { keys: eventReads(calendar, id), ranges: [] });
  const event = find(view, rows.event, KEYS.event(calendar, id));
  if (event !== undefined) {
    const key = KEYS.series(calendar, id);
    const series = isRecurring(event) ? find(view, rows.series, key) : undefined;
    return { kind: "row", event, series };
  }
  const instance = parseInstanceId(id);
  if (instance === undefined) return undefined;
  const recurring = find(view, rows.event, KEYS.event(calendar, instance.event));
  const series = find(view, rows.series, KEYS.series(calendar, instance.event));
  if (recurring?.deleteTimeMs !== 0 || series === undefined) return undefined;
  const startMs = instance.originalStartMs;
  if (!standingStarts(series).includes(startMs)) return undefined;
  return { kind: "occurrence", event: instanceAt(recurring, startMs), recurring, series };
}

/** What finding it reads at least. */
export function eventReads(calendar: string, id: string): readonly StateKey[] {
  const instance = parseInstanceId(id);
  if (instance === undefined) return [KEYS.event(calendar, id)];
  return [
    KEYS.event(calendar, id),
    KEYS.event(calendar, instance.event),
    KEYS.series(calendar, instance.event),
  ];
}

function find<Row>(view: View, codec: RowCodec<Row>, key: StateKey): Row | undefined {
  const value = view.get(key);
  return value === undefined ? undefined : codec.decode(value);
}
