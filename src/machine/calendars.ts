import type { Calendar, CalendarContent, Caller, ChangeKind, Operation } from "../domain/index.js";
import { calendarOwner, decide } from "../policy/index.js";
import type { Action } from "../policy/index.js";
import { calendarOf, findCalendar, isFurther, refuseFull, untouched } from "./calendar-rows.js";
import { refuse, refuseNotFound, refuseStale } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { formatEtag } from "./etag.js";
import { calendarFacts } from "./relation.js";
import { KEYS, MARK, prefixRange } from "./rows.js";
import { compareText } from "./text.js";
import type { KeyRange, StateKey } from "./types.js";

type CreateCalendar = Extract<Operation, { kind: "create-calendar" }>;
type UpdateCalendar = Extract<Operation, { kind: "update-calendar" }>;
type DeleteCalendar = Extract<Operation, { kind: "delete-calendar" }>;
type SetReader = Extract<Operation, { kind: "set-reader" }>;

export const READERS_MAX = 200;

export function createCalendar(draft: Draft, caller: Caller, operation: CreateCalendar): Outcome {
  const { calendar: key, content } = operation;
  const name = `calendars/${key}`;
  const refusal = refuseUnlessAllowed(draft, caller, "calendar.create", key);
  if (refusal !== undefined) return refusal;
  if (!isFurther(key)) return refuse("already-exists", `${name} exists with its owner`);
  if (draft.has(KEYS.calendar(key))) return refuse("already-exists", `${name} is taken`);
  const full = refuseFull(draft, key);
  if (full !== undefined) return full;
  if (content.public) grant(draft, KEYS.publicGrant(key));
  return putCalendar(draft, "created", { ...untouched(key), ...content }, []);
}

/** Of one of which nothing was said, this says the first. */
export function updateCalendar(draft: Draft, caller: Caller, operation: UpdateCalendar): Outcome {
  const { calendar: key, content, fields, etag } = operation;
  const found = requireCalendar(draft, caller, "calendar.update", key);
  if (found.kind === "refused") return found;
  const { calendar } = found;
  if (isStale(etag, calendar)) return refuseStale(`calendars/${key}`);
  const has = (field: keyof CalendarContent): boolean => fields.includes(field);
  const isPublic = has("public") ? content.public : calendar.public;
  if (isPublic && !calendar.public) grant(draft, KEYS.publicGrant(key));
  if (!isPublic && calendar.public) draft.delete(KEYS.publicGrant(key));
  return putCalendar(
    draft,
    "updated",
    {
      ...calendar,
      displayName: has("displayName") ? content.displayName : calendar.displayName,
      timeZone: has("timeZone") ? content.timeZone : calendar.timeZone,
      conflictPolicy: has("conflictPolicy") ? content.conflictPolicy : calendar.conflictPolicy,
      public: isPublic,
    },
    [],
  );
}

/** Only what is empty goes, and its key with it: nobody finds another's events under a name they knew. */
export function deleteCalendar(draft: Draft, caller: Caller, operation: DeleteCalendar): Outcome {
  const { calendar: key, etag } = operation;
  const found = requireCalendar(draft, caller, "calendar.delete", key);
  if (found.kind === "refused") return found;
  const { calendar } = found;
  const name = `calendars/${key}`;
  if (!isFurther(key)) return refuse("failed-precondition", `${name} goes with its owner`);
  if (isStale(etag, calendar)) return refuseStale(name);
  if (draft.view.range(standingRange(key)).length > 0) {
    return refuse("failed-precondition", `${name} has events: delete or move them first`);
  }
  for (const reader of calendar.readers) {
    draft.delete(KEYS.readCalendar(reader, key));
    draft.delete(KEYS.readGrant(reader, key));
  }
  if (calendar.public) draft.delete(KEYS.publicGrant(key));
  const gone = { ...calendar, readers: [], deleteTimeMs: draft.nowMs };
  return putCalendar(draft, "deleted", gone, calendar.readers);
}

/** Reading again, or not reading any more, changes nothing. */
export function setReader(draft: Draft, caller: Caller, operation: SetReader): Outcome {
  const { calendar: key, reader, reads } = operation;
  const found = requireCalendar(draft, caller, "calendar.share", key);
  if (found.kind === "refused") return found;
  const { calendar } = found;
  const name = `calendars/${key}`;
  if (calendar.readers.includes(reader) === reads) {
    return {
      kind: "done",
      name,
      revision: calendar.revision,
      resource: { kind: "calendar", calendar },
    };
  }
  if (reads && calendar.readers.length >= READERS_MAX) {
    return refuse("failed-precondition", `${name} has ${READERS_MAX} readers, the most`);
  }
  if (reads) {
    draft.putBytes(KEYS.readCalendar(reader, key), MARK);
    grant(draft, KEYS.readGrant(reader, key));
  } else {
    draft.delete(KEYS.readCalendar(reader, key));
    draft.delete(KEYS.readGrant(reader, key));
  }
  const others = calendar.readers.filter((user) => user !== reader);
  const readers = reads ? [...others, reader].sort(compareText) : others;
  return putCalendar(draft, "updated", { ...calendar, readers }, [reader]);
}

/** What is committed from the next change on is for them. */
function grant(draft: Draft, key: StateKey): void {
  draft.put(draft.rows.readGrant, key, { since: draft.nextRevision });
}

/** Events that stand in a calendar: one of them tells. */
export function standingRange(key: string): KeyRange {
  return prefixRange(`es/${key}`, 1);
}

function putCalendar(
  draft: Draft,
  kind: ChangeKind,
  written: Calendar,
  concerned: readonly string[],
): Outcome {
  const revision = draft.nextRevision;
  const isNew = written.createTimeMs === 0;
  const calendar: Calendar = {
    ...written,
    createTimeMs: isNew ? draft.nowMs : written.createTimeMs,
    updateTimeMs: draft.nowMs,
    revision,
  };
  const { key } = calendar;
  const name = `calendars/${key}`;
  const resource = { kind: "calendar", calendar } as const;
  const owner = calendarOwner(key);
  const owners = owner?.kind === "user" ? [owner.user] : [];
  draft.put(draft.rows.calendar, KEYS.calendar(key), calendar);
  draft.change({
    kind,
    channel: name,
    audience: [...new Set([...owners, ...concerned])],
    resourceName: name,
    resource,
  });
  return { kind: "done", name, revision, resource };
}

/** One that there is, and in which the caller may do this. */
function requireCalendar(
  draft: Draft,
  caller: Caller,
  action: Action,
  key: string,
): { readonly kind: "calendar"; readonly calendar: Calendar } | Refusal {
  const refusal = refuseUnlessAllowed(draft, caller, action, key);
  if (refusal !== undefined) return refusal;
  if (isFurther(key) && findCalendar(draft, key) === undefined) {
    return refuseNotFound(`calendars/${key}`);
  }
  return { kind: "calendar", calendar: calendarOf(draft, key) };
}

function refuseUnlessAllowed(
  draft: Draft,
  caller: Caller,
  action: Action,
  key: string,
): Refusal | undefined {
  const decision = decide(caller, action, calendarFacts(draft, caller, key));
  if (decision.kind === "allow") return undefined;
  return decision.as === "not-found"
    ? refuseNotFound(`calendars/${key}`)
    : refuse("permission-denied", `calendars/${key} is not yours to change`);
}

function isStale(etag: string, calendar: Calendar): boolean {
  return etag !== "" && etag !== formatEtag(calendar.revision);
}
