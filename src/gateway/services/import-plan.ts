import { create } from "@bufbuild/protobuf";
import { EventSchema } from "../../../gen/cabildo/v1/events_pb.js";
import { sha256Hex } from "../../auth/index.js";
import { ClusterError } from "../../base/index.js";
import type { Caller, EventContent, Occurrences } from "../../domain/index.js";
import { CalendarFault, readCalendar } from "../../ical/index.js";
import type { ReadEvent } from "../../ical/index.js";
import { requireValid } from "../../wire/index.js";
import { fieldFault } from "../faults.js";
import { idOfDigest } from "../ids.js";
import { occurrencesOf } from "./occurrences.js";

/** Of one file. */
const IMPORTED_MAX = 100;
/** As many instances as can differ from an event. */
const CHANGED_MAX = 100;
/** Of one line, which has 1,024 bytes at most. */
const LINE_DATES_MAX = 50;
const UID_BYTES_MAX = 1_024;
const OWN_UID = /^(e[0-9a-hjkmnp-tv-z]{26})@cabildo$/;

/** An event of a file, with the instances that differ from it. */
export interface Import {
  /** Ids by which the calendar may know it: an event that is new gets the last. */
  readonly ids: readonly string[];
  /** Empty where it follows from the id. */
  readonly icalUid: string;
  readonly content: EventContent;
  readonly occurrences?: Occurrences;
  readonly changed: readonly ChangedInstance[];
  /** When this was last written, or an instance of it taken out; 0 if the file does not say. */
  readonly modifiedMs: number;
}

export interface ChangedInstance {
  /** When it would start, as the ids of instances say it: `20261201t130000z`. */
  readonly original: string;
  readonly content: EventContent;
  readonly modifiedMs: number;
}

export interface ImportPlan {
  readonly imports: readonly Import[];
  /** Events and instances of the file that are left out: cancelled, or of no event of it that is known. */
  readonly skipped: number;
}

/** What a file says, before anything is read or written: by the rules of events that come one by one. */
export function planImport(
  caller: Caller,
  { calendar, icalendar }: { readonly calendar: string; readonly icalendar: string },
  nowMs: number,
): ImportPlan {
  const read = readFile(icalendar);
  const user = caller.kind === "user" ? caller.user : "";
  const masters = read.filter(
    ({ originalStartMs, isCancelled }) => originalStartMs === undefined && !isCancelled,
  );
  if (masters.length === 0) throw fieldFault("icalendar", "has no event that takes place");
  if (masters.length > IMPORTED_MAX) {
    throw fieldFault("icalendar", `more than ${IMPORTED_MAX} events: import it in parts`);
  }
  if (new Set(masters.map(({ uid }) => uid)).size < masters.length) {
    throw fieldFault("icalendar", "two events have the same UID");
  }
  let kept = masters.length;
  const imports = masters.map((master): Import => {
    const instances = read.filter((one) => one.uid === master.uid && one !== master);
    const off = instances.filter(({ isCancelled }) => isCancelled);
    const content = contentOf(master, off, user);
    requirePossible(master, content);
    const { occurrences } = occurrencesOf(content, nowMs, "icalendar");
    const starts = new Set(occurrences?.startsMs);
    const changed = instances.flatMap((one): readonly ChangedInstance[] => {
      const { originalStartMs = 0, content: own, isCancelled, modifiedMs } = one;
      if (isCancelled || !starts.has(originalStartMs)) return [];
      requirePossible(one, own);
      return [{ original: formatUtc(originalStartMs).toLowerCase(), content: own, modifiedMs }];
    });
    if (changed.length > CHANGED_MAX) {
      throw faultOf(master, `more than ${CHANGED_MAX} instances differ from it`);
    }
    kept += changed.length + off.length;
    const modifiedMs = Math.max(...[master, ...off].map((one) => one.modifiedMs));
    const made = { ...identityOf(master, calendar, user), content, changed, modifiedMs };
    return occurrences === undefined ? made : { ...made, occurrences };
  });
  return { imports, skipped: read.length - kept };
}

function readFile(text: string): readonly ReadEvent[] {
  try {
    return readCalendar(text);
  } catch (cause) {
    if (cause instanceof CalendarFault) throw fieldFault("icalendar", cause.message);
    throw cause;
  }
}

function requirePossible(read: ReadEvent, content: EventContent): void {
  const { title, description, location, labels, recurrence, invitees } = content;
  const event = create(EventSchema, {
    title,
    description,
    location,
    labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])),
    recurrence: [...recurrence],
    attendees: invitees.map(({ user }) => ({ user: `users/${user}` })),
  });
  try {
    requireValid(EventSchema, event);
  } catch (cause) {
    if (cause instanceof ClusterError) throw faultOf(read, cause.message);
    throw cause;
  }
}

function faultOf({ uid }: ReadEvent, description: string): ClusterError {
  return fieldFault("icalendar", `event of UID ${uid}: ${description}`);
}

/** A cancelled instance is left out by the series. Only who organises an event invites to it. */
function contentOf(master: ReadEvent, off: readonly ReadEvent[], user: string): EventContent {
  const { content, organizer } = master;
  const invitees = organizer === "" || organizer === user ? content.invitees : [];
  if (off.length === 0 || content.recurrence.length === 0) return { ...content, invitees };
  const times = off.map(({ originalStartMs = 0 }) => {
    const utc = formatUtc(originalStartMs);
    return content.span.kind === "all-day" ? utc.slice(0, 8) : utc;
  });
  const name = content.span.kind === "all-day" ? "EXDATE;VALUE=DATE" : "EXDATE";
  const lines: string[] = [];
  for (let i = 0; i < times.length; i += LINE_DATES_MAX) {
    lines.push(`${name}:${times.slice(i, i + LINE_DATES_MAX).join(",")}`);
  }
  return { ...content, invitees, recurrence: [...content.recurrence, ...lines] };
}

/**
 * The id follows from the UID: what was imported is found again, and is not there twice. What was exported from the same
 * calendar has its own. Exported from another one of the same user, and inviting the same people again, it is another event.
 */
function identityOf(
  { uid, organizer }: ReadEvent,
  calendar: string,
  user: string,
): Pick<Import, "ids" | "icalUid"> {
  if (Buffer.byteLength(uid) > UID_BYTES_MAX) {
    throw fieldFault("icalendar", `a UID has more than ${UID_BYTES_MAX} bytes`);
  }
  const [, own] = OWN_UID.exec(uid) ?? [];
  const derived = idOfDigest(sha256Hex(`${calendar} ${uid}`));
  if (own === undefined) return { ids: [derived], icalUid: uid };
  return { ids: [own, derived], icalUid: organizer === user ? "" : uid };
}

/** `20261201T130000Z` */
function formatUtc(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}
