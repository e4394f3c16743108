import { isDeepStrictEqual } from "node:util";
import type { ImportEventsRequest } from "../../../gen/cabildo/v1/events_pb.js";
import { DETAIL_FIELDS } from "../../domain/index.js";
import type { CalendarEvent, EventContent, EventField, Occurrences } from "../../domain/index.js";
import type { ShardDescription } from "../../placement/index.js";
import type { ShardPosition } from "../../shards/index.js";
import { requireCalendar } from "../calendars.js";
import type { Call } from "../handlers.js";
import { parseCalendar } from "../names.js";
import type { ServiceContext } from "./context.js";
import { requireInvited } from "./event-invitees.js";
import type { EventReplies } from "./event-replies.js";
import { planImport } from "./import-plan.js";
import type { ChangedInstance, Import } from "./import-plan.js";

/** Of one question, and of one command. */
const EVENTS_MAX = 100;
/** Of one command, that make events which repeat. */
const OCCURRENCES_MAX = 400;

type Calendar = {
  readonly call: Call;
  readonly shard: ShardDescription;
  readonly calendar: string;
};

/**
 * Each event by its UID: made where it is not there, and where it is, changed if the file has the later version of it. So a
 * request that is repeated goes on where it ended. A trial shows what would be made: each change would be tried after all that
 * come before.
 */
export async function importEvents(
  context: ServiceContext,
  replies: EventReplies,
  call: Call,
  request: ImportEventsRequest,
) {
  const calendar = parseCalendar(request.parent, "parent");
  requireCalendar(call.caller, "event.create", calendar, request.parent);
  const { icalendar } = request;
  const nowMs = context.clock.wallMs();
  const { imports, skipped } = planImport(call.caller, { calendar, icalendar }, nowMs);
  const here = { call, shard: call.shards.of("calendars", calendar), calendar };
  const found = await read(
    here,
    imports.flatMap(({ ids }) => ids),
    [],
  );
  const knownOf = ({ ids }: Import): CalendarEvent | undefined =>
    ids.map((id) => found.events.get(id)).find((event) => event !== undefined);
  const absent = imports.filter((one) => knownOf(one) === undefined);
  const asked = absent.map(({ content }) => ({ content, path: "icalendar" }));
  await requireInvited(context.clock, call, calendar, asked);
  let position = (await createAll(here, absent)) ?? found.position;
  let updated = 0;
  for (const one of call.shards.isTrial ? [] : imports) {
    const known = knownOf(one);
    const at = known === undefined ? await differ(here, one) : await follow(here, one, known);
    if (known !== undefined && at !== undefined) updated++;
    position = at ?? position;
  }
  const ids = imports.map((one) => knownOf(one)?.id ?? newId(one));
  const created = absent.length;
  const counts = { skipped, created, updated, unchanged: imports.length - created - updated };
  return { ...(await replies.showCreated(call, calendar, ids, position)), ...counts };
}

async function read(
  { call, shard, calendar }: Calendar,
  ids: readonly string[],
  after: readonly ShardPosition[],
) {
  const events = new Map<string, CalendarEvent>();
  let position: ShardPosition | undefined;
  for (let i = 0; i < ids.length || position === undefined; i += EVENTS_MAX) {
    const asked = ids.slice(i, i + EVENTS_MAX);
    const question = { kind: "get-events", calendar, events: asked, ifThere: true } as const;
    const page = await call.shards.read(shard, call.caller, question, after, { mayBeStale: false });
    for (const event of page.answer.events) events.set(event.id, event);
    position = page.position;
  }
  return { events, position };
}

/** By as few commands as can be; by one, all or none, unless the events repeat more often than fits. */
async function createAll(
  { call, shard, calendar }: Calendar,
  imports: readonly Import[],
): Promise<ShardPosition | undefined> {
  let position: ShardPosition | undefined;
  for (const some of inCommands(imports)) {
    const events = some.map(({ content, occurrences, icalUid, ...one }) => ({
      event: newId(one),
      content,
      ...(occurrences === undefined ? {} : { occurrences }),
      ...(icalUid === "" ? {} : { icalUid }),
    }));
    const operation = { kind: "create-events", calendar, events, absentOnly: true } as const;
    ({ position } = await call.shards.execute(shard, call.caller, operation));
  }
  return position;
}

function inCommands(imports: readonly Import[]): readonly (readonly Import[])[] {
  const all: Import[][] = [];
  let left = 0;
  for (const one of imports) {
    const count = one.occurrences?.startsMs.length ?? 0;
    const last = all.at(-1);
    if (last === undefined || last.length === EVENTS_MAX || count > left) {
      all.push([one]);
      left = OCCURRENCES_MAX;
    } else last.push(one);
    left -= count;
  }
  return all;
}

/** The instances of an event that was just made. */
async function differ(here: Calendar, { changed, ...one }: Import) {
  let position: ShardPosition | undefined;
  for (const { original, content } of changed) {
    position = await update(here, `${newId(one)}_${original}`, content, DETAIL_FIELDS);
  }
  return position;
}

/** Only who organises an event changes it, and only by what was said later. Undefined where nothing was to be done. */
async function follow(here: Calendar, one: Import, known: CalendarEvent) {
  const { caller } = here.call;
  const isTheirs = caller.kind === "user" && known.organizer === caller.user;
  if (!isTheirs || known.source !== "" || known.state === "cancelled") return undefined;
  let position: ShardPosition | undefined;
  if (one.modifiedMs > known.updateTimeMs) {
    if (known.deleteTimeMs !== 0) position = await undelete(here, known.id);
    const fields = fieldsThatDiffer(known, one.content, [...DETAIL_FIELDS, "recurrence"]);
    if (fields.length > 0) position = await update(here, known.id, one.content, fields, one);
  } else if (known.deleteTimeMs !== 0) return undefined;
  return (await followInstances(here, known.id, one.changed, position)) ?? position;
}

async function followInstances(
  here: Calendar,
  event: string,
  changed: readonly ChangedInstance[],
  after: ShardPosition | undefined,
): Promise<ShardPosition | undefined> {
  if (changed.length === 0) return undefined;
  const idOf = ({ original }: ChangedInstance): string => `${event}_${original}`;
  const { events } = await read(here, changed.map(idOf), after === undefined ? [] : [after]);
  let position: ShardPosition | undefined;
  for (const instance of changed) {
    const known = events.get(idOf(instance));
    const isLater = known !== undefined && instance.modifiedMs > known.updateTimeMs;
    if (!isLater || known.deleteTimeMs !== 0 || known.state === "cancelled") continue;
    const fields = fieldsThatDiffer(known, instance.content, DETAIL_FIELDS);
    if (fields.length > 0) position = await update(here, known.id, instance.content, fields);
  }
  return position;
}

async function undelete({ call, shard, calendar }: Calendar, event: string) {
  const operation = { kind: "undelete-event", calendar, event } as const;
  return (await call.shards.execute(shard, call.caller, operation)).position;
}

async function update(
  { call, shard, calendar }: Calendar,
  event: string,
  content: EventContent,
  fields: readonly EventField[],
  { occurrences }: { readonly occurrences?: Occurrences } = {},
) {
  const made = occurrences === undefined ? {} : { occurrences };
  const operation = { kind: "update-event", calendar, event, etag: "", content, fields } as const;
  return (await call.shards.execute(shard, call.caller, { ...operation, ...made })).position;
}

/** A file that says of an event that it is public may mean nothing by it. */
function fieldsThatDiffer(
  event: CalendarEvent,
  content: EventContent,
  fields: readonly (keyof CalendarEvent & EventField)[],
): readonly EventField[] {
  return fields.filter((field) => {
    if (field === "visibility" && content.visibility === "default") return false;
    return !isDeepStrictEqual(inOrder(event[field]), inOrder(content[field]));
  });
}

/** In whatever order labels and reminders are said. */
function inOrder(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((part: unknown) => JSON.stringify(part)).sort();
}

function newId({ ids }: Pick<Import, "ids">): string {
  return ids.at(-1) ?? "";
}
