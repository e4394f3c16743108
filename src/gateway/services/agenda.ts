import { durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { AgendaService } from "../../../gen/cabildo/v1/agenda_pb.js";
import type {
  ListAgendaRequest,
  QueryFreeBusyRequest,
  SuggestTimesRequest,
} from "../../../gen/cabildo/v1/agenda_pb.js";
import { ClusterError } from "../../base/index.js";
import type { BusySpan, CalendarBusy, CalendarEvent } from "../../domain/index.js";
import type { ShardDescription } from "../../placement/index.js";
import { eventToPublic, timestampToMs } from "../../wire/index.js";
import { fieldFault } from "../faults.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseCalendar, parseGroup, parseUser } from "../names.js";
import { Pages } from "../page-tokens.js";
import { SYSTEM } from "../shard-calls.js";
import { suggestTimes } from "../suggest-times.js";
import type { ServiceContext } from "./context.js";

const PAGE_SIZE_DEFAULT = 50;
const PEOPLE_MAX = 50;
const MEMBERS_PAGE = 100;
/** A shard that has not answered by then is named as unreachable. */
const SHARD_MS = 3_000;
const BUSY_WINDOW_MS_MAX = 92 * 86_400_000;
const SEARCH_MS_MAX = 31 * 86_400_000;
const SEARCH_MS_DEFAULT = 7 * 86_400_000;
const RESULTS_DEFAULT = 10;
const { method } = AgendaService;

export function agendaHandlers(context: ServiceContext): readonly Handler[] {
  return [
    unary(method.listAgenda, (call, request) => listAgenda(context, call, request)),
    unary(method.queryFreeBusy, (call, request) => queryFreeBusy(call, request)),
    unary(method.suggestTimes, (call, request) => suggest(context, call, request)),
  ];
}

/** Merges what the shards have in the order that each of them keeps. */
async function listAgenda(context: ServiceContext, call: Call, request: ListAgendaRequest) {
  const window = windowOf(request.startTime, request.endTime, Infinity);
  const users = await peopleOf(call, request);
  const tokens = context.positionTokens();
  const pages = new Pages(tokens, context.positions, call.caller, method.listAgenda, request);
  const { after, firsts } = pages.place;
  const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
  const { answers, unreachable } = await scatter(call, users, async (shards, shard, calendars) => {
    const question = {
      kind: "list-events",
      calendars,
      pageSize,
      after,
      ...window,
      showDeleted: false,
      asAgenda: true,
      conditions: [],
    } as const;
    const { answer, position } = await shards.read(shard, call.caller, question, firsts);
    const epoch = position.epoch;
    const events = answer.events.map((event, i) => {
      return { event, shard, epoch, place: answer.places?.[i] ?? "" };
    });
    return { events, next: answer.next, position };
  });
  const all = answers
    .flatMap(({ events }) => events)
    .sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));
  // Beyond where a shard stopped, it may have more: nothing after that is given.
  const ends = answers.filter(({ next }) => next !== "").map(({ next }) => next);
  const end = ends.reduce((least, next) => (next < least ? next : least), ends[0] ?? "");
  const sure = end === "" ? all : all.filter(({ place }) => place <= end);
  const page = sure.slice(0, pageSize);
  const next = sure.length > page.length ? (page.at(-1)?.place ?? "") : end;
  const from = firsts.length > 0 ? firsts : answers.map(({ position }) => position);
  return {
    events: page.map(({ event, shard, epoch }) =>
      eventToPublic(event, {
        shard: shard.name,
        position: positionOf(context, event, shard, epoch),
      }),
    ),
    nextPageToken: pages.token(next, ...from),
    unreachable: [...unreachable],
    position: from.length === 0 ? "" : context.positions.encode(from),
  };
}

function positionOf(
  context: ServiceContext,
  { revision }: CalendarEvent,
  shard: ShardDescription,
  epoch: number,
): string {
  return revision === 0 ? "" : context.encode({ shard: shard.number, epoch, sequence: revision });
}

async function queryFreeBusy(call: Call, request: QueryFreeBusyRequest) {
  const window = windowOf(request.startTime, request.endTime, BUSY_WINDOW_MS_MAX);
  const keys = request.calendars.map((name, i) => parseCalendar(name, `calendars[${i}]`));
  const { found, unreachable, lost } = await busyOf(call, keys, window, false);
  return {
    calendars: keys.map((key) => {
      const busy = found.get(key);
      const spans = (busy?.spans ?? []).map(toSpan);
      return { calendar: `calendars/${key}`, spans, error: errorOf(busy, lost.has(key)) };
    }),
    unreachable: [...unreachable],
  };
}

function errorOf(busy: CalendarBusy | undefined, isLost: boolean): string {
  if (isLost) return "its shard did not answer: try again";
  if (busy?.isHidden === true)
    return "there is no such calendar, or you may not see when it is busy";
  return busy?.isCut === true ? "too many events: ask for a shorter time" : "";
}

async function suggest(context: ServiceContext, call: Call, request: SuggestTimesRequest) {
  const lengthMs = request.duration === undefined ? 0 : Math.floor(durationMs(request.duration));
  if (lengthMs < 60_000 || lengthMs > 86_400_000) {
    throw fieldFault("duration", "from a minute to a day");
  }
  const startMs = momentOf(request.startTime, "start_time") ?? context.clock.wallMs();
  const endMs = momentOf(request.endTime, "end_time") ?? startMs + SEARCH_MS_DEFAULT;
  if (endMs <= startMs || endMs - startMs > SEARCH_MS_MAX) {
    throw fieldFault("end_time", "must be after the start, within 31 days");
  }
  const required = request.required.map((name, i) => parseUser(name, `required[${i}]`));
  const wanted = request.optional.map((name, i) => parseUser(name, `optional[${i}]`));
  const all = [...new Set([...required, ...wanted])];
  if (all.length === 0) throw fieldFault("required", "name those who should come");
  const window = { windowStartMs: startMs, windowEndMs: endMs };
  const { found, unreachable } = await busyOf(call, all, window, true);
  const shard = call.shards.of("users", all[0] ?? "");
  const question = { kind: "find-users", users: all, email: "" } as const;
  const { answer } = await call.shards.read(shard, SYSTEM, question);
  const people = new Map(answer.users.map((user) => [user.id, user]));
  const suggestions = suggestTimes({
    // Of whom the caller sees nothing, nothing is known: neither that they can come, nor that they cannot.
    participants: all
      .filter((user) => found.get(user)?.isHidden === false)
      .map((user) => ({
        name: `users/${user}`,
        required: required.includes(user),
        busy: found.get(user)?.spans ?? [],
        timeZone: people.get(user)?.timeZone ?? "UTC",
        workingHours: people.get(user)?.workingHours ?? [],
      })),
    durationMs: lengthMs,
    ...window,
    workingHoursOnly: request.workingHoursOnly,
    resultsMax: request.maxResults === 0 ? RESULTS_DEFAULT : request.maxResults,
  });
  return {
    suggestions: suggestions.map(({ available, busy, ...span }) => ({
      span: toSpan(span),
      available: [...available],
      busy: [...busy],
    })),
    unreachable: [...unreachable],
  };
}

async function peopleOf(call: Call, request: ListAgendaRequest): Promise<readonly string[]> {
  const users = request.users.map((name, i) => parseUser(name, `users[${i}]`));
  if (request.group !== "") users.push(...(await membersOf(call, request.group)));
  else if (users.length === 0 && call.caller.kind === "user") users.push(call.caller.user);
  const all = [...new Set(users)];
  if (all.length <= PEOPLE_MAX) return all;
  throw fieldFault("group", `more than ${PEOPLE_MAX} people: name some of them`);
}

async function membersOf(call: Call, name: string): Promise<readonly string[]> {
  const group = parseGroup(name, "group");
  const question = { kind: "list-members", group, pageSize: MEMBERS_PAGE, after: "" } as const;
  const shard = call.shards.of("groups", group);
  const { answer } = await call.shards.read(shard, call.caller, question);
  return answer.members.map(({ user }) => user);
}

interface Window {
  readonly windowStartMs: number;
  readonly windowEndMs: number;
}

async function busyOf(call: Call, calendars: readonly string[], window: Window, ofPeople: boolean) {
  const lost = new Set<string>();
  const { answers, unreachable } = await scatter(
    call,
    calendars,
    async (shards, shard, keys) => {
      const question = { kind: "free-busy", calendars: keys, ofPeople, ...window } as const;
      return (await shards.read(shard, call.caller, question)).answer.calendars;
    },
    (keys) => {
      for (const key of keys) lost.add(key);
    },
  );
  const found = new Map(answers.flat().map((busy) => [busy.calendar, busy]));
  return { found, unreachable, lost };
}

/** Asks each shard that has some of the calendars at the same time; says which did not answer. */
async function scatter<Answer>(
  call: Call,
  calendars: readonly string[],
  ask: (
    shards: Call["shards"],
    shard: ShardDescription,
    calendars: readonly string[],
  ) => Promise<Answer>,
  lose: (calendars: readonly string[]) => void = () => undefined,
): Promise<{ readonly answers: readonly Answer[]; readonly unreachable: readonly string[] }> {
  const byShard = groupByShard(call, calendars);
  const shards = call.shards.within(SHARD_MS);
  const unreachable: string[] = [];
  const asked = await Promise.all(
    [...byShard].map(async ([shard, keys]) => {
      try {
        return [await ask(shards, shard, keys)];
      } catch (cause) {
        if (!isSilence(cause)) throw cause;
        unreachable.push(shard.name);
        lose(keys);
        return [];
      }
    }),
  );
  return { answers: asked.flat(), unreachable };
}

function groupByShard(
  call: Call,
  calendars: readonly string[],
): ReadonlyMap<ShardDescription, readonly string[]> {
  const byShard = new Map<ShardDescription, string[]>();
  for (const calendar of calendars) {
    const shard = call.shards.of("calendars", calendar);
    const keys = byShard.get(shard) ?? [];
    if (!keys.includes(calendar)) keys.push(calendar);
    byShard.set(shard, keys);
  }
  return byShard;
}

/** What the other shards' answers do not depend on. */
function isSilence(cause: unknown): boolean {
  return cause instanceof ClusterError && SILENT.includes(cause.code);
}

const SILENT: readonly string[] = ["no-leader", "unreachable", "deadline-exceeded", "overloaded"];

function windowOf(
  start: Timestamp | undefined,
  end: Timestamp | undefined,
  lengthMsMax: number,
): Window {
  const windowStartMs = momentOf(start, "start_time");
  const windowEndMs = momentOf(end, "end_time");
  if (windowStartMs === undefined) throw fieldFault("start_time", "must be set");
  if (windowEndMs === undefined || windowEndMs <= windowStartMs) {
    throw fieldFault("end_time", "must be after start_time");
  }
  if (windowEndMs - windowStartMs > lengthMsMax) throw fieldFault("end_time", "at most 92 days");
  return { windowStartMs, windowEndMs };
}

/** The first moment of 1970 is taken as the one after it: 0 stands for none. */
function momentOf(time: Timestamp | undefined, field: string): number | undefined {
  if (time === undefined) return undefined;
  const ms = timestampToMs(time);
  if (ms === undefined) throw fieldFault(field, "must be a time");
  return ms === 0 ? 1 : ms;
}

function toSpan({ startMs, endMs }: BusySpan) {
  return {
    startTime: timestampFromMs(startMs),
    endTime: timestampFromMs(endMs),
    timeZone: "UTC",
  };
}
