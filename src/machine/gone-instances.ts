import type { CalendarEvent } from "../domain/index.js";
import { gather } from "./gather.js";
import { instanceId, isRecurring } from "./instances.js";
import { KEYS } from "./rows.js";
import type { StateReader } from "./state-reader.js";

/** Starts of the deleted instances of each event; of one that does not repeat none. Changed instances are events of their own. */
export function goneInstances(
  state: StateReader,
  events: readonly CalendarEvent[],
): readonly (readonly number[])[] {
  const series = events.filter(isRecurring);
  gather(state.view, {
    keys: series.map((event) => KEYS.series(event.calendar, event.id)),
    ranges: [],
  });
  const excepted = (event: CalendarEvent): readonly number[] => {
    if (!isRecurring(event)) return [];
    return state.find(state.rows.series, KEYS.series(event.calendar, event.id))?.exceptedMs ?? [];
  };
  const rowOf = (event: CalendarEvent, ms: number) =>
    KEYS.event(event.calendar, instanceId(event.id, ms));
  const keys = series.flatMap((event) => excepted(event).map((ms) => rowOf(event, ms)));
  gather(state.view, { keys, ranges: [] });
  return events.map((event) =>
    excepted(event).filter((ms) => {
      const instance = state.find(state.rows.event, rowOf(event, ms));
      return instance?.deleteTimeMs !== 0;
    }),
  );
}
