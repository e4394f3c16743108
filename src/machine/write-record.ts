import type { ChangeKind } from "../domain/index.js";
import { decideState } from "./decision.js";
import type { Draft, Outcome } from "./draft.js";
import type { Standing } from "./series.js";
import { tell } from "./tell.js";
import { writeEvent } from "./write-event.js";

/**
 * Writes an event as its organiser has it: its state follows from what is written, and everyone whom it concerns is told.
 * `was` is what it was to them, where it had no row.
 */
export function writeRecord(
  draft: Draft,
  kind: ChangeKind,
  { event: written, series }: Standing,
  before: Standing | undefined,
  was = before,
): Outcome {
  const state = decideState(written);
  const event = state === written.state ? written : { ...written, state };
  const outcome = writeEvent(draft, kind, { event, series }, before);
  tell(draft, was, { event, series });
  return outcome;
}
