import type { CalendarEvent, ChangeKind } from "../domain/index.js";
import type { Draft, Outcome } from "./draft.js";
import { putPurge } from "./event-purge.js";
import type { FoundEvent } from "./find-event.js";
import { gather } from "./gather.js";
import { instanceId } from "./instances.js";
import { KEYS } from "./rows.js";
import { exceptOccurrence, refuseFullSeries } from "./series.js";
import type { Standing } from "./series.js";
import { writeRecord } from "./write-record.js";

/** Instances that were written by themselves: those that stand, or those that were deleted just then. */
export function exceptionsOf(
  draft: Draft,
  { event, series }: Standing,
  deletedMs = 0,
): readonly CalendarEvent[] {
  if (series === undefined) return [];
  const keys = series.exceptedMs.map((ms) => KEYS.event(event.calendar, instanceId(event.id, ms)));
  gather(draft.view, { keys, ranges: [] });
  return keys
    .map((key) => draft.find(draft.rows.event, key))
    .filter((row) => row !== undefined)
    .filter((row) => row.deleteTimeMs === deletedMs);
}

export function writeException(
  draft: Draft,
  kind: ChangeKind,
  event: CalendarEvent,
  found: FoundEvent & { readonly kind: "occurrence" },
): Outcome {
  const { recurring, series } = found;
  const full = refuseFullSeries(series);
  if (full !== undefined) return full;
  exceptOccurrence(draft, recurring, series, event.originalStartMs);
  if (event.deleteTimeMs !== 0) putPurge(draft, event);
  const was = { event: found.event, series: undefined };
  return writeRecord(draft, kind, { event, series: undefined }, undefined, was);
}
