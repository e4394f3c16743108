import type { Delivery, Visibility } from "../domain/index.js";
import { calendarOwner, sightOf, standingChannel } from "../policy/index.js";
import { untouched } from "./calendar-rows.js";
import type { Draft } from "./draft.js";
import { KEYS } from "./rows.js";
import type { VisibilityDefaultRow } from "./rows.js";
import type { StateReader } from "./state-reader.js";
import type { StateKey } from "./types.js";

type DefaultVisibility = Extract<Delivery, { kind: "default-visibility" }>;

const UNSAID: VisibilityDefaultRow = { visibility: "default", since: 0 };

/** How the events of a calendar are seen that say nothing of their own. */
export function defaultVisibilityOf(state: StateReader, calendar: string): Visibility {
  return find(state, calendar).visibility;
}

/** Sequence from which on its readers see what they do; 0: always. */
export function seenSince(state: StateReader, calendar: string): number {
  return find(state, calendar).since;
}

export function defaultVisibilityReads(calendar: string): readonly StateKey[] {
  const owner = calendarOwner(calendar);
  return owner?.kind === "user" ? [KEYS.visibilityDefault(owner.user)] : [];
}

/** From here on readers see other things than those they were told of: whoever delivers to them asks again. */
export function receiveDefaultVisibility(
  draft: Draft,
  { user, visibility }: DefaultVisibility,
): void {
  const before = find(draft, user);
  const isSame = sightOf(before.visibility, "reader") === sightOf(visibility, "reader");
  const since = isSame ? before.since : draft.nextRevision;
  draft.put(draft.rows.visibilityDefault, KEYS.visibilityDefault(user), { visibility, since });
  if (isSame) return;
  const name = `users/${user}`;
  draft.change({
    kind: "updated",
    channel: standingChannel(name),
    audience: [],
    resourceName: name,
    resource: { kind: "calendar", calendar: untouched(user) },
  });
}

/** A group says nothing of the kind. */
function find(state: StateReader, calendar: string): VisibilityDefaultRow {
  const [key] = defaultVisibilityReads(calendar);
  return (key === undefined ? undefined : state.find(state.rows.visibilityDefault, key)) ?? UNSAID;
}
