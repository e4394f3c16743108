import type { EventContent, Occurrences } from "../../domain/index.js";
import { expandRecurrence, RecurrenceFault } from "../../ical/index.js";
import { fieldFault } from "../faults.js";

/** What the shard has to be told of an event that repeats; nothing of any other. */
export function occurrencesOf(
  { span, recurrence }: Pick<EventContent, "span" | "recurrence">,
  nowMs: number,
  field = "event.recurrence",
): { readonly occurrences?: Occurrences } {
  if (recurrence.length === 0) return {};
  try {
    return { occurrences: expandRecurrence({ span, lines: recurrence }, nowMs) };
  } catch (cause) {
    if (cause instanceof RecurrenceFault) throw fieldFault(field, cause.message);
    throw cause;
  }
}
