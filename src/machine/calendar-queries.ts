import type { Answer, CalendarEvent, Caller, Question } from "../domain/index.js";
import { calendarOwner, decide } from "../policy/index.js";
import { agendasOf } from "./agenda.js";
import { findCalendar, isFurther, untouched } from "./calendar-rows.js";
import { findConflicts } from "./conflicts.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Refusal } from "./draft.js";
import { BATCH_EVENTS_MAX, isEventId } from "./event-checks.js";
import { eventName } from "./event-name.js";
import { eventReads, findEventRow } from "./find-event.js";
import { freeBusy } from "./free-busy.js";
import { gather } from "./gather.js";
import { goneInstances } from "./gone-instances.js";
import { listCalendars } from "./list-calendars.js";
import { listEvents } from "./list-events.js";
import { listInstances } from "./list-instances.js";
import { pageRows } from "./page-rows.js";
import { asSeen, OUTSIDE, vantagesOf } from "./relation.js";
import type { EventSight, Vantage } from "./relation.js";
import { KEYS } from "./rows.js";
import type { RowCodecs } from "./rows.js";
import { isPlace } from "./scan-events.js";
import type { StateReader } from "./state-reader.js";
import type { View } from "./types.js";

const AGENDA_CALENDARS_MAX = 50;
/** Of all whose agendas are looked at at once, further ones included. */
const SCANNED_CALENDARS_MAX = 200;
const BUSY_WINDOW_MS_MAX = 92 * 86_400_000;

type Of<Kind extends Question["kind"]> = Extract<Question, { kind: Kind }>;

/** What one caller may know of calendars and their events, as of one state. */
export class CalendarQueries {
  readonly #caller: Caller;
  readonly #view: View;
  readonly #rows: RowCodecs;
  readonly #state: StateReader;

  constructor(caller: Caller, view: View, rows: RowCodecs, state: StateReader) {
    this.#caller = caller;
    this.#view = view;
    this.#rows = rows;
    this.#state = state;
  }

  /** Who may read it is the owner's affair alone. */
  getCalendar({ calendar: key }: Of<"get-calendar">): Answer | Refusal {
    const absent = refuseNotFound(`calendars/${key}`);
    const vantage = this.#vantageOf("calendar.get", key);
    if (vantage === undefined) return absent;
    const calendar = findCalendar(this.#state, key);
    if (calendar === undefined && isFurther(key)) return absent;
    const found = calendar ?? untouched(key);
    const seen = vantage.relation === "owner" ? found : { ...found, readers: [] };
    return { kind: "calendar", calendar: seen };
  }

  listCalendars(): Answer | Refusal {
    const caller = this.#caller;
    const decision = decide(caller, "calendar.list", { kind: "none" });
    if (caller.kind !== "user" || decision.kind === "deny") {
      return refuse("permission-denied", "only a user has calendars");
    }
    return { kind: "calendars", calendars: listCalendars(this.#state, caller) };
  }

  /** A deleted event can still be read, until it is purged. */
  getEvent({ calendar, event: id, conflictsFromMs }: Of<"get-event">): Answer | Refusal {
    const absent = refuseNotFound(eventName(calendar, id));
    const vantage = isEventId(id) ? this.#vantageOf("event.get", calendar) : undefined;
    if (vantage === undefined) return absent;
    if (conflictsFromMs === undefined) {
      const event = this.#findSeen(calendar, id, vantage);
      return event === undefined ? absent : { kind: "event", event };
    }
    const caller = this.#caller;
    const owner = calendarOwner(calendar);
    const isOwn = owner?.kind === "user" && caller.kind === "user" && owner.user === caller.user;
    // All that can be known before the event is, at once.
    const beside = isOwn ? [KEYS.calendarIndex(owner.user)] : [];
    gather(this.#view, { keys: [...beside, ...eventReads(calendar, id)], ranges: [] });
    const found = findEventRow(this.#view, this.#rows, calendar, id);
    if (found === undefined) return absent;
    const event = asSeen(caller, found.event, vantage);
    if (event === undefined) return absent;
    const standing = found.kind === "row" ? found : { event: found.event, series: undefined };
    const conflicts = isOwn ? findConflicts(this.#state, standing, conflictsFromMs).conflicts : [];
    return { kind: "event", event, conflicts };
  }

  getEvents({ calendar, events: ids, ifThere = false }: Of<"get-events">): Answer | Refusal {
    const [first = ""] = ids;
    const isAsked = ids.length <= BATCH_EVENTS_MAX && ids.every(isEventId);
    const vantage = isAsked ? this.#vantageOf("event.get", calendar) : undefined;
    if (vantage === undefined) return refuseNotFound(eventName(calendar, first));
    gather(this.#view, { keys: ids.flatMap((id) => eventReads(calendar, id)), ranges: [] });
    const events: CalendarEvent[] = [];
    for (const id of ids) {
      const event = this.#findSeen(calendar, id, vantage);
      if (event !== undefined) events.push(event);
      else if (!ifThere) return refuseNotFound(eventName(calendar, id));
    }
    return { kind: "events", events, next: "" };
  }

  #findSeen(calendar: string, id: string, vantage: Vantage): CalendarEvent | undefined {
    const found = findEventRow(this.#view, this.#rows, calendar, id);
    return found && asSeen(this.#caller, found.event, vantage);
  }

  /** Calendars exist with their owner: one without events is empty, not absent. */
  listEvents(question: Of<"list-events">): Answer | Refusal {
    const { after, asAgenda } = question;
    const fault = calendarsFault(question.calendars);
    if (fault !== undefined) return fault;
    if (after !== "" && !isPlace(after)) return refuse("invalid-argument", "page_token: not ours");
    const of = asAgenda
      ? [...agendasOf(this.#state, question.calendars).values()].flat()
      : question.calendars;
    if (of.length > SCANNED_CALENDARS_MAX) return refuseTooMany();
    const action = asAgenda ? "agenda.list" : "event.list";
    const vantages = this.#vantagesOf(action, of);
    if (vantages === undefined) return refuseNotFound(`calendars/${of[0] ?? ""}`);
    const see: EventSight = (event) =>
      asSeen(this.#caller, event, vantages.get(event.calendar) ?? OUTSIDE);
    const listing = { ...question, calendars: of, pageSize: pageRows(question.pageSize) };
    const page = listEvents(this.#view, this.#rows, listing, see);
    const gone = question.withGone ? { gone: goneInstances(this.#state, page.events) } : {};
    return { kind: "events", ...page, ...gone };
  }

  freeBusy({ calendars, windowStartMs, windowEndMs, ofPeople }: Of<"free-busy">): Answer | Refusal {
    const fault = calendarsFault(calendars);
    if (fault !== undefined) return fault;
    if (windowStartMs >= windowEndMs || windowEndMs - windowStartMs > BUSY_WINDOW_MS_MAX) {
      return refuse("invalid-argument", "from start to end at most 92 days");
    }
    const all = ofPeople
      ? agendasOf(this.#state, calendars)
      : new Map(calendars.map((key) => [key, [key]]));
    const scanned = [...all.values()].flat();
    if (scanned.length > SCANNED_CALENDARS_MAX) return refuseTooMany();
    const vantages = this.#vantagesOf("agenda.free-busy", scanned);
    if (vantages === undefined) return refuseNotFound(`calendars/${calendars[0] ?? ""}`);
    const vantage = (key: string): Vantage => vantages.get(key) ?? OUTSIDE;
    const isHidden = (key: string): boolean => vantage(key).relation === "stranger";
    const seen = new Map([...all].filter(([key]) => !isHidden(key)));
    const search = { calendars: seen, windowStartMs, windowEndMs };
    const found = freeBusy(this.#state, search, (event) => {
      return asSeen(this.#caller, event, vantage(event.calendar)) !== undefined;
    });
    const byKey = new Map(found.map((busy) => [busy.calendar, { ...busy, isHidden: false }]));
    const hidden = { spans: [], isCut: false, isHidden: true };
    const answers = calendars.map((key) => byKey.get(key) ?? { calendar: key, ...hidden });
    return { kind: "free-busy", calendars: answers };
  }

  listInstances(question: Of<"list-instances">): Answer | Refusal {
    const { calendar, event: id, after } = question;
    const absent = refuseNotFound(eventName(calendar, id));
    const vantage = isEventId(id) ? this.#vantageOf("event.list", calendar) : undefined;
    if (vantage === undefined) return absent;
    if (after !== "" && !isPlace(after)) return refuse("invalid-argument", "page_token: not ours");
    const found = findEventRow(this.#view, this.#rows, calendar, id);
    if (found?.event.deleteTimeMs !== 0) return absent;
    if (asSeen(this.#caller, found.event, vantage) === undefined) return absent;
    if (found.kind === "occurrence" || found.series === undefined) {
      return refuse("failed-precondition", `${eventName(calendar, id)} does not repeat`);
    }
    const pageSize = pageRows(question.pageSize);
    const page = { ...question, pageSize };
    const { events, next } = listInstances(this.#view, this.#rows, found, page);
    const seen = events.flatMap((event) => asSeen(this.#caller, event, vantage) ?? []);
    return { kind: "events", events: seen, next };
  }

  /** From where the caller looks at a calendar; undefined where the caller may not do this. */
  #vantageOf(
    action: "calendar.get" | "event.get" | "event.list",
    calendar: string,
  ): Vantage | undefined {
    if (calendarOwner(calendar) === undefined) return undefined;
    return this.#vantagesOf(action, [calendar])?.get(calendar);
  }

  /** Undefined where one of them does not exist for the caller. */
  #vantagesOf(
    action: "calendar.get" | "event.get" | "event.list" | "agenda.list" | "agenda.free-busy",
    calendars: readonly string[],
  ): ReadonlyMap<string, Vantage> | undefined {
    const vantages = vantagesOf(this.#state, this.#caller, calendars);
    const isAllowed = [...vantages].every(([key, { relation }]) => {
      const facts = { kind: "calendar", owner: calendarOwner(key), relation } as const;
      return decide(this.#caller, action, facts).kind === "allow";
    });
    return isAllowed ? vantages : undefined;
  }
}

function calendarsFault(calendars: readonly string[]): Refusal | undefined {
  if (calendars.length <= AGENDA_CALENDARS_MAX && calendars.every(isCalendar)) return undefined;
  return refuse("invalid-argument", `calendars: at most ${AGENDA_CALENDARS_MAX}, each one a key`);
}

function refuseTooMany(): Refusal {
  return refuse(
    "invalid-argument",
    `more than ${SCANNED_CALENDARS_MAX} calendars with the further ones of these people: name fewer`,
  );
}

function isCalendar(key: string): boolean {
  return calendarOwner(key) !== undefined;
}
