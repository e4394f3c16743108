import { create } from "@bufbuild/protobuf";
import { EventSchema, EventService } from "../../../gen/cabildo/v1/events_pb.js";
import type {
  ExportEventsRequest,
  ImportEventsRequest,
} from "../../../gen/cabildo/v1/events_pb.js";
import { sha256Hex } from "../../auth/index.js";
import { ClusterError } from "../../base/index.js";
import type { Caller, EventContent, EventField, Occurrences } from "../../domain/index.js";
import { CalendarFault, readCalendar, writeCalendar } from "../../ical/index.js";
import type { ReadEvent } from "../../ical/index.js";
import { requireValid } from "../../wire/index.js";
import { requireCalendar } from "../calendars.js";
import { fieldFault } from "../faults.js";
import type { Call } from "../handlers.js";
import { idOfDigest } from "../ids.js";
import { parseCalendar } from "../names.js";
import { Pages } from "../page-tokens.js";
import type { ServiceContext } from "./context.js";
import { requireInvited } from "./event-invitees.js";
import type { EventReplies } from "./event-replies.js";
import { occurrencesOf } from "./occurrences.js";

const PAGE_SIZE_DEFAULT = 200;
/** As many as one command makes. */
const IMPORTED_MAX = 100;
/** As many instances as can differ from an event. */
const CHANGED_MAX = 100;
/** Of one line, which has 1,024 bytes at most. */
const LINE_DATES_MAX = 50;
const OWN_UID = /^(e[0-9a-hjkmnp-tv-z]{26})@cabildo$/;
const { method } = EventService;
/** What a changed instance has of its own. */
const INSTANCE_FIELDS: readonly EventField[] = [
  "title",
  "description",
  "location",
  "span",
  "visibility",
  "transparency",
  "labels",
  "reminderMinutes",
];

/** Each page is a file of its own. */
export async function exportEvents(
  context: ServiceContext,
  call: Call,
  request: ExportEventsRequest,
) {
  const calendar = parseCalendar(request.parent, "parent");
  requireCalendar(call.caller, "event.list", calendar, request.parent);
  const { positions, clock } = context;
  const tokens = context.positionTokens();
  const pages = new Pages(tokens, positions, call.caller, method.exportEvents, request);
  const { after, first } = pages.place;
  const { answer, position } = await call.shards.read(
    call.shards.of("calendars", calendar),
    call.caller,
    {
      kind: "list-events",
      calendars: [calendar],
      conditions: [],
      asAgenda: false,
      withGone: true,
      pageSize: request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize,
      after,
      windowStartMs: 0,
      windowEndMs: 0,
      showDeleted: false,
    },
    pages.notBefore,
  );
  const from = first ?? position;
  const events = answer.events.map((event, i) => ({ event, goneMs: answer.gone?.[i] ?? [] }));
  return {
    icalendar: writeCalendar(events, clock.wallMs()),
    nextPageToken: pages.token(answer.next, from),
    position: context.encode(from),
  };
}

/**
 * The events are made by one command. Instances that differ are changed after that, one by one: a request that is repeated
 * does it again, to the same end. A trial leaves them out: each of them would be tried after all that come before.
 */
export async function importEvents(
  context: ServiceContext,
  replies: EventReplies,
  call: Call,
  request: ImportEventsRequest,
) {
  const calendar = parseCalendar(request.parent, "parent");
  requireCalendar(call.caller, "event.create", calendar, request.parent);
  const { imports, skipped } = planImport(call.caller, request, context.clock.wallMs());
  const asked = imports.map(({ content }) => ({ content, path: "icalendar" }));
  await requireInvited(context.clock, call, calendar, asked);
  const shard = call.shards.of("calendars", calendar);
  const events = imports.map(({ changed: _, ...event }) => event);
  let { position } = await call.shards.execute(
    shard,
    call.caller,
    { kind: "create-events", calendar, events },
    { method: method.importEvents, request },
  );
  for (const { event, changed } of call.shards.isTrial ? [] : imports) {
    for (const { originalStartMs, content } of changed) {
      const id = `${event}_${formatUtc(originalStartMs).toLowerCase()}`;
      const update = { kind: "update-event", calendar, event: id, etag: "", content } as const;
      const fields = INSTANCE_FIELDS;
      ({ position } = await call.shards.execute(shard, call.caller, { ...update, fields }));
    }
  }
  const ids = imports.map(({ event }) => event);
  return { ...(await replies.showCreated(call, calendar, ids, position)), skipped };
}

/** An event of a file that is to be made, with the instances that differ from it. */
interface Import {
  readonly event: string;
  readonly content: EventContent;
  readonly occurrences?: Occurrences;
  readonly changed: readonly Change[];
}

interface Change {
  readonly originalStartMs: number;
  readonly content: EventContent;
}

interface ImportPlan {
  readonly imports: readonly Import[];
  /** Events and instances of the file that are left out: cancelled, or of no event of it that is known. */
  readonly skipped: number;
}

/** What a file makes of a calendar, before anything is written. */
function planImport(caller: Caller, { icalendar }: ImportEventsRequest, nowMs: number): ImportPlan {
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
    const changed = instances.flatMap((one): readonly Change[] => {
      const { originalStartMs = 0, content: own, isCancelled } = one;
      if (isCancelled || !starts.has(originalStartMs)) return [];
      requirePossible(one, own);
      return [{ originalStartMs, content: own }];
    });
    if (changed.length > CHANGED_MAX) {
      throw faultOf(master, `more than ${CHANGED_MAX} instances differ from it`);
    }
    kept += changed.length + off.length;
    const made = { event: idOf(master, user), content, changed };
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

/** By the rules of events that come one by one: nothing is written where a later command would be refused. */
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

/** The id follows from the UID: what was imported is found again, and is not there twice. */
function idOf({ uid, organizer }: ReadEvent, user: string): string {
  const [, own] = OWN_UID.exec(uid) ?? [];
  return own !== undefined && organizer === user ? own : idOfDigest(sha256Hex(uid));
}

/** `20261201T130000Z` */
function formatUtc(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}
