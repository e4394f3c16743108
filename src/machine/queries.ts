import { unreachable } from "../base/index.js";
import type {
  Answer,
  CalendarEvent,
  Caller,
  Query,
  QueryReply,
  Question,
  User,
} from "../domain/index.js";
import { calendarOwner, decide, isId } from "../policy/index.js";
import type { Action, Relation } from "../policy/index.js";
import { agendasOf } from "./agenda.js";
import { findCalendar, isFurther, untouched } from "./calendar-rows.js";
import { loginThrottledUntil } from "./login-throttle.js";
import { readAudit, readAuditCheckpoints } from "./audit.js";
import { BATCH_EVENTS_MAX, isEventId, isInvitationId, isSessionId } from "./checks.js";
import { findConflicts } from "./conflicts.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Refusal } from "./draft.js";
import { eventReads, findEventRow } from "./find-event.js";
import { gather } from "./gather.js";
import { goneInstances } from "./gone-instances.js";
import { freeBusy } from "./free-busy.js";
import { isNotificationId, isOwn, listNotifications } from "./notifications.js";
import { dueReminders } from "./reminders.js";
import { groupsOfRange } from "./group-rows.js";
import { listCalendars } from "./list-calendars.js";
import { listEvents } from "./list-events.js";
import { invitationName } from "./invitations.js";
import {
  findGroup,
  findMember,
  findOwnMember,
  listMembers,
  memberKeys,
  memberRange,
} from "./membership.js";
import { listInstances } from "./list-instances.js";
import { readOutbox } from "./outbox.js";
import { asSeen, calendarFacts, relationsTo } from "./relation.js";
import type { EventSight } from "./relation.js";
import { keyAfter, KEYS, prefixRange } from "./rows.js";
import type { RowCodecs } from "./rows.js";
import { sessionsRange, withoutHashes } from "./sessions.js";
import { readSubscriptions } from "./subscriptions.js";
import { foldAscii, isVisibleAscii } from "./text.js";
import { StateReader } from "./state-reader.js";
import { isPlace } from "./scan-events.js";
import { listDueSeries } from "./series.js";
import type { RowCodec, StateKey, View } from "./types.js";
import { eventName } from "./event-name.js";

const PAGE_ROWS_DEFAULT = 50;
const PAGE_ROWS_MAX = 1_000;
const AGENDA_CALENDARS_MAX = 50;
/** Of all whose agendas are looked at at once, further ones included. */
const SCANNED_CALENDARS_MAX = 200;
const BUSY_WINDOW_MS_MAX = 92 * 86_400_000;
/** Users that one question finds: as many as a group has. */
const FOUND_MAX = 500;

type Of<Kind extends Question["kind"]> = Extract<Question, { kind: Kind }>;

export function answerQuery({ caller, question }: Query, view: View, rows: RowCodecs): QueryReply {
  const result = new Queries(caller, view, rows).answer(question);
  return result.kind === "refused" ? result : { kind: "answered", answer: result };
}

/** One query: who asks, and the state as of which it is answered. */
class Queries {
  readonly #caller: Caller;
  readonly #view: View;
  readonly #rows: RowCodecs;
  readonly #state: StateReader;

  constructor(caller: Caller, view: View, rows: RowCodecs) {
    this.#caller = caller;
    this.#view = view;
    this.#rows = rows;
    this.#state = new StateReader(rows, view);
  }

  answer(question: Question): Answer | Refusal {
    switch (question.kind) {
      case "get-user":
        return this.#getUser(question);
      case "find-users":
        return this.#findUsers(question);
      case "list-sessions":
        return this.#listSessions(question);
      case "get-credentials":
        return this.#getCredentials(question);
      case "get-subscriptions":
        return readSubscriptions(this.#state, this.#caller, question.user);
      case "get-session":
        return this.#getSession(question);
      case "get-cluster-keys":
        return this.#getClusterKeys();
      case "list-outbox": {
        const denied = this.#refuseUnlessSystem("outbox.list");
        return denied ?? { kind: "outbox", outbox: readOutbox(this.#state, question) };
      }
      case "get-login-throttle": {
        const denied = this.#refuseUnlessSystem("login-throttle.get");
        return (
          denied ?? { kind: "login-throttle", untilMs: loginThrottledUntil(this.#state, question) }
        );
      }
      case "list-audit":
      case "list-audit-checkpoints": {
        if (decide(this.#caller, "audit.list", { kind: "none" }).kind === "deny") {
          return refuse("permission-denied", "only auditors read the audit trail");
        }
        return question.kind === "list-audit"
          ? { kind: "audit", ...readAudit(this.#state, question) }
          : { kind: "audit-checkpoints", ...readAuditCheckpoints(this.#state, question) };
      }
      case "get-group":
        return this.#getGroup(question);
      case "list-groups":
        return this.#listGroups(question);
      case "get-invitation":
        return this.#getInvitation(question);
      case "list-invitations":
        return this.#listInvitations(question);
      case "get-member":
        return this.#getMember(question);
      case "list-members":
        return this.#listMembers(question);
      case "get-calendar":
        return this.#getCalendar(question);
      case "list-calendars":
        return this.#listCalendars();
      case "list-conflicts":
        return this.#listConflicts(question);
      case "get-event":
        return this.#getEvent(question);
      case "get-events":
        return this.#getEvents(question);
      case "list-events":
        return this.#listEvents(question);
      case "free-busy":
        return this.#freeBusy(question);
      case "list-notifications":
        return this.#listNotifications(question);
      case "list-instances":
        return this.#listInstances(question);
      case "list-due-work": {
        const denied = this.#refuseUnlessSystem("series.extend");
        if (denied !== undefined) return denied;
        const due = dueReminders(question.nowMs, 1);
        const hasReminders = this.#view.range(due).length > 0;
        const series = listDueSeries(this.#view, this.#rows, question);
        return { kind: "due-work", series, hasReminders };
      }
      default:
        return unreachable(question);
    }
  }

  /** Others see what they need to know someone by. */
  #getUser({ user: id }: Of<"get-user">): Answer | Refusal {
    const facts = { kind: "user", user: id } as const;
    const absent = refuseNotFound(`users/${id}`);
    if (!isId(id) || decide(this.#caller, "user.get", facts).kind === "deny") return absent;
    const user = this.#find(this.#rows.user, KEYS.user(id));
    if (user === undefined) return absent;
    const seen = this.#asSeen(user);
    return seen === undefined ? absent : { kind: "user", user: seen };
  }

  /** By exact id or e-mail address: what is not named is not found. */
  #findUsers({ users: ids, email }: Of<"find-users">): Answer | Refusal {
    if (decide(this.#caller, "user.find", { kind: "none" }).kind === "deny") {
      return refuse("permission-denied", "only a user finds users");
    }
    if (ids.length > FOUND_MAX) return refuse("invalid-argument", `users: at most ${FOUND_MAX}`);
    const wanted = ids.filter(isId);
    const emailKey =
      email === "" || !isVisibleAscii(email) ? [] : [KEYS.emailOwner(foldAscii(email))];
    gather(this.#view, { keys: [...emailKey, ...wanted.map(KEYS.user)], ranges: [] });
    const [key] = emailKey;
    const owner = key === undefined ? undefined : this.#find(this.#rows.emailOwner, key);
    const all = new Set(owner === undefined ? wanted : [...wanted, owner.user]);
    const users = [...all].flatMap((id) => {
      const user = this.#find(this.#rows.user, KEYS.user(id));
      return (user === undefined ? undefined : this.#asSeen(user)) ?? [];
    });
    return { kind: "users", users };
  }

  /** Undefined where there is nobody for this caller: a deleted user can be seen by administrators. */
  #asSeen(user: User): User | undefined {
    const facts = { kind: "user", user: user.id } as const;
    const all = decide(this.#caller, "user.get-details", facts).kind === "allow";
    if (user.deleteTimeMs === 0) return all ? user : blank(user);
    const mayUndelete = decide(this.#caller, "user.undelete", facts).kind === "allow";
    return mayUndelete || this.#caller.kind === "system" ? user : undefined;
  }

  /** Those that stand. */
  #listSessions({ user, pageSize, after }: Of<"list-sessions">): Answer | Refusal {
    const absent = refuseNotFound(`users/${user}`);
    const facts = { kind: "user", user } as const;
    if (!isId(user) || decide(this.#caller, "session.list", facts).kind === "deny") return absent;
    if (after !== "" && !isSessionId(after))
      return refuse("invalid-argument", "page_token: not ours");
    const count = pageRows(pageSize);
    const sessions = this.#view
      .range(sessionsRange(user))
      .map(({ value }) => this.#rows.session.decode(value))
      .filter(({ id, revokeTimeMs }) => revokeTimeMs === 0 && id > after);
    const page = sessions.slice(0, count).map(withoutHashes);
    const next = sessions.length > count ? (page.at(-1)?.id ?? "") : "";
    return { kind: "sessions", sessions: page, next };
  }

  #getCredentials({ user: id }: Of<"get-credentials">): Answer | Refusal {
    const denied = this.#refuseUnlessSystem("credentials.get");
    if (denied !== undefined) return denied;
    const absent = refuseNotFound(`users/${id}`);
    if (!isId(id)) return absent;
    gather(this.#view, { keys: [KEYS.user(id), KEYS.credentials(id)], ranges: [] });
    const user = this.#find(this.#rows.user, KEYS.user(id));
    const credentials = this.#find(this.#rows.credentials, KEYS.credentials(id));
    if (user === undefined || credentials === undefined) return absent;
    return { kind: "credentials", user, credentials };
  }

  #getSession({ user, session: id }: Of<"get-session">): Answer | Refusal {
    const denied = this.#refuseUnlessSystem("session.get");
    if (denied !== undefined) return denied;
    const absent = refuseNotFound(`users/${user}/sessions/${id}`);
    if (!isId(user) || !isSessionId(id)) return absent;
    const session = this.#find(this.#rows.session, KEYS.session(user, id));
    return session === undefined ? absent : { kind: "session", session };
  }

  #getClusterKeys(): Answer | Refusal {
    const denied = this.#refuseUnlessSystem("cluster-keys.get");
    if (denied !== undefined) return denied;
    const keys = this.#find(this.#rows.clusterKeys, KEYS.clusterKeys);
    return keys === undefined ? refuseNotFound("cluster/keys") : { kind: "cluster-keys", keys };
  }

  /** A deleted group can be read by its members, until it is purged. */
  #getGroup({ group: id }: Of<"get-group">): Answer | Refusal {
    const absent = refuseNotFound(`groups/${id}`);
    if (!isId(id)) return absent;
    gather(this.#view, { keys: [KEYS.group(id), ...this.#ownMemberKeys(id)], ranges: [] });
    const group = this.#find(this.#rows.group, KEYS.group(id));
    if (group === undefined) return absent;
    const [key] = this.#ownMemberKeys(id);
    const own = key === undefined ? undefined : this.#find(this.#rows.member, key);
    const membership = own ?? findOwnMember(this.#state, id, this.#caller);
    const decision = decide(this.#caller, "group.get", { kind: "group", membership });
    return decision.kind === "allow" ? { kind: "group", group } : absent;
  }

  #listGroups({ pageSize, after }: Of<"list-groups">): Answer | Refusal {
    const caller = this.#caller;
    if (caller.kind !== "user" || decide(caller, "group.list", { kind: "none" }).kind === "deny") {
      return refuse("permission-denied", "only a user is in groups");
    }
    if (after !== "" && !isId(after)) return refuse("invalid-argument", "page_token: not ours");
    const count = pageRows(pageSize);
    const prefix = `gu/${caller.user}/`;
    const ids = this.#view
      .range(groupsOfRange(caller.user))
      .map(({ key }) => key.slice(prefix.length))
      .filter((id) => id > after);
    gather(this.#view, { keys: ids.map(KEYS.group), ranges: [] });
    const standing = ids.flatMap((id) => findGroup(this.#state, id) ?? []);
    const groups = standing.slice(0, count);
    const next = standing.length > count ? (groups.at(-1)?.id ?? "") : "";
    return { kind: "groups", groups, next };
  }

  #getMember({ group, user }: Of<"get-member">): Answer | Refusal {
    const absent = refuseNotFound(`groups/${group}/members/${user}`);
    if (!isId(group) || !isId(user)) return absent;
    const keys = [...memberKeys(group, user), ...this.#ownMemberKeys(group)];
    gather(this.#view, { keys, ranges: [] });
    if (!this.#isMemberAllowed("member.list", group)) return absent;
    const member = findMember(this.#state, group, user);
    return member === undefined ? absent : { kind: "member", member };
  }

  #listMembers(question: Of<"list-members">): Answer | Refusal {
    const { group, pageSize, after } = question;
    const absent = refuseNotFound(`groups/${group}`);
    if (!isId(group)) return absent;
    if (after !== "" && !isId(after)) return refuse("invalid-argument", "page_token: not ours");
    const count = pageRows(pageSize);
    gather(this.#view, {
      keys: [KEYS.group(group), ...this.#ownMemberKeys(group)],
      ranges: [memberRange(group, after, count + 1)],
    });
    if (!this.#isMemberAllowed("member.list", group)) return absent;
    const found = listMembers(this.#state, group, after, count + 1);
    const members = found.slice(0, count);
    const last = found.length > count ? members.at(-1) : undefined;
    return { kind: "members", members, next: last?.user ?? "" };
  }

  /** For the group's members, and for whom it asks. */
  #getInvitation({ group, invitation: id }: Of<"get-invitation">): Answer | Refusal {
    const absent = refuseNotFound(invitationName(group, id));
    if (!isId(group) || !isInvitationId(id)) return absent;
    const invitation = this.#find(this.#rows.invitation, KEYS.invitation(group, id));
    if (invitation === undefined) return absent;
    const facts = { kind: "user", user: invitation.invitee } as const;
    const isAsked = decide(this.#caller, "invitation.answer", facts).kind === "allow";
    if (!isAsked && !this.#isMemberAllowed("invitation.list", group)) return absent;
    return { kind: "invitation", invitation };
  }

  #listInvitations({ group, pageSize, after }: Of<"list-invitations">): Answer | Refusal {
    const absent = refuseNotFound(`groups/${group}`);
    if (!isId(group) || !this.#isMemberAllowed("invitation.list", group)) return absent;
    if (after !== "" && !isInvitationId(after)) {
      return refuse("invalid-argument", "page_token: not ours");
    }
    const count = pageRows(pageSize);
    const all = prefixRange(`gi/${group}`, count + 1);
    const range = after === "" ? all : { ...all, start: keyAfter(KEYS.invitation(group, after)) };
    const found = this.#view.range(range).map(({ value }) => this.#rows.invitation.decode(value));
    const invitations = found.slice(0, count);
    const next = found.length > count ? (invitations.at(-1)?.id ?? "") : "";
    return { kind: "invitations", invitations, next };
  }

  /** Who may read it is the owner's affair alone. */
  #getCalendar({ calendar: key }: Of<"get-calendar">): Answer | Refusal {
    const absent = refuseNotFound(`calendars/${key}`);
    const relation = this.#relationTo("calendar.get", key);
    if (relation === undefined) return absent;
    const calendar = findCalendar(this.#state, key);
    if (calendar === undefined && isFurther(key)) return absent;
    const found = calendar ?? untouched(key);
    const seen = relation === "owner" ? found : { ...found, readers: [] };
    return { kind: "calendar", calendar: seen };
  }

  #listCalendars(): Answer | Refusal {
    const caller = this.#caller;
    const decision = decide(caller, "calendar.list", { kind: "none" });
    if (caller.kind !== "user" || decision.kind === "deny") {
      return refuse("permission-denied", "only a user has calendars");
    }
    return { kind: "calendars", calendars: listCalendars(this.#state, caller) };
  }

  /** A deleted event can still be read, until it is purged. */
  #getEvent({ calendar, event: id }: Of<"get-event">): Answer | Refusal {
    const absent = refuseNotFound(eventName(calendar, id));
    const relation = isEventId(id) ? this.#relationTo("event.get", calendar) : undefined;
    if (relation === undefined) return absent;
    const event = this.#findSeen(calendar, id, relation);
    return event === undefined ? absent : { kind: "event", event };
  }

  #getEvents({ calendar, events: ids }: Of<"get-events">): Answer | Refusal {
    const [first = ""] = ids;
    const isAsked = ids.length <= BATCH_EVENTS_MAX && ids.every(isEventId);
    const relation = isAsked ? this.#relationTo("event.get", calendar) : undefined;
    if (relation === undefined) return refuseNotFound(eventName(calendar, first));
    gather(this.#view, { keys: ids.flatMap((id) => eventReads(calendar, id)), ranges: [] });
    const events: CalendarEvent[] = [];
    for (const id of ids) {
      const event = this.#findSeen(calendar, id, relation);
      if (event === undefined) return refuseNotFound(eventName(calendar, id));
      events.push(event);
    }
    return { kind: "events", events, next: "" };
  }

  /** For the one whose calendar it is, and nobody else. */
  #listConflicts({ calendar, event: id, fromMs }: Of<"list-conflicts">): Answer | Refusal {
    const absent = refuseNotFound(eventName(calendar, id));
    const owner = calendarOwner(calendar);
    const caller = this.#caller;
    const isOwn = owner?.kind === "user" && caller.kind === "user" && owner.user === caller.user;
    if (!isOwn || !isEventId(id)) return absent;
    // All that can be known before the event is, at once.
    gather(this.#view, {
      keys: [KEYS.calendarIndex(owner.user), ...eventReads(calendar, id)],
      ranges: [],
    });
    const found = findEventRow(this.#view, this.#rows, calendar, id);
    if (found?.event.deleteTimeMs !== 0) return absent;
    const standing = found.kind === "row" ? found : { event: found.event, series: undefined };
    const { conflicts } = findConflicts(this.#state, standing, fromMs);
    return { kind: "conflicts", conflicts };
  }

  #findSeen(calendar: string, id: string, relation: Relation): CalendarEvent | undefined {
    const found = findEventRow(this.#view, this.#rows, calendar, id);
    return found && asSeen(this.#caller, found.event, relation);
  }

  /** Calendars exist with their owner: one without events is empty, not absent. */
  #listEvents(question: Of<"list-events">): Answer | Refusal {
    const { after, asAgenda } = question;
    const fault = calendarsFault(question.calendars);
    if (fault !== undefined) return fault;
    if (after !== "" && !isPlace(after)) return refuse("invalid-argument", "page_token: not ours");
    const of = asAgenda
      ? [...agendasOf(this.#state, question.calendars).values()].flat()
      : question.calendars;
    if (of.length > SCANNED_CALENDARS_MAX) return refuseTooMany();
    const action = asAgenda ? "agenda.list" : "event.list";
    const relations = this.#relationsTo(action, of);
    if (relations === undefined) return refuseNotFound(`calendars/${of[0] ?? ""}`);
    const see: EventSight = (event) =>
      asSeen(this.#caller, event, relations.get(event.calendar) ?? "stranger");
    const listing = { ...question, calendars: of, pageSize: pageRows(question.pageSize) };
    const page = listEvents(this.#view, this.#rows, listing, see);
    const gone = question.withGone ? { gone: goneInstances(this.#state, page.events) } : {};
    return { kind: "events", ...page, ...gone };
  }

  #freeBusy({
    calendars,
    windowStartMs,
    windowEndMs,
    ofPeople,
  }: Of<"free-busy">): Answer | Refusal {
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
    const relations = this.#relationsTo("agenda.free-busy", scanned);
    if (relations === undefined) return refuseNotFound(`calendars/${calendars[0] ?? ""}`);
    const isHidden = (key: string): boolean => (relations.get(key) ?? "stranger") === "stranger";
    const seen = new Map([...all].filter(([key]) => !isHidden(key)));
    const search = { calendars: seen, windowStartMs, windowEndMs };
    const found = freeBusy(this.#state, search, (event) => {
      const relation = relations.get(event.calendar) ?? "stranger";
      return asSeen(this.#caller, event, relation) !== undefined;
    });
    const byKey = new Map(found.map((busy) => [busy.calendar, { ...busy, isHidden: false }]));
    const hidden = { spans: [], isCut: false, isHidden: true };
    const answers = calendars.map((key) => byKey.get(key) ?? { calendar: key, ...hidden });
    return { kind: "free-busy", calendars: answers };
  }

  #listNotifications(question: Of<"list-notifications">): Answer | Refusal {
    const { user, after } = question;
    if (!isId(user) || !isOwn(this.#caller, "notification.list", user)) {
      return refuseNotFound(`users/${user}`);
    }
    if (after !== "" && !isNotificationId(after)) {
      return refuse("invalid-argument", "page_token: not ours");
    }
    const page = { ...question, pageSize: pageRows(question.pageSize) };
    return { kind: "notifications", ...listNotifications(this.#view, this.#rows, page) };
  }

  #listInstances(question: Of<"list-instances">): Answer | Refusal {
    const { calendar, event: id, after } = question;
    const absent = refuseNotFound(eventName(calendar, id));
    const relation = isEventId(id) ? this.#relationTo("event.list", calendar) : undefined;
    if (relation === undefined) return absent;
    if (after !== "" && !isPlace(after)) return refuse("invalid-argument", "page_token: not ours");
    const found = findEventRow(this.#view, this.#rows, calendar, id);
    if (found?.event.deleteTimeMs !== 0) return absent;
    if (asSeen(this.#caller, found.event, relation) === undefined) return absent;
    if (found.kind === "occurrence" || found.series === undefined) {
      return refuse("failed-precondition", `${eventName(calendar, id)} does not repeat`);
    }
    const pageSize = pageRows(question.pageSize);
    const page = { ...question, pageSize };
    const { events, next } = listInstances(this.#view, this.#rows, found, page);
    const seen = events.flatMap((event) => asSeen(this.#caller, event, relation) ?? []);
    return { kind: "events", events: seen, next };
  }

  /** What the caller is to a calendar; undefined where the caller may not do this. */
  #relationTo(action: Action, calendar: string): Relation | undefined {
    if (calendarOwner(calendar) === undefined) return undefined;
    const facts = calendarFacts(this.#state, this.#caller, calendar);
    return decide(this.#caller, action, facts).kind === "allow" ? facts.relation : undefined;
  }

  /** Undefined where one of them does not exist for the caller. */
  #relationsTo(
    action: "event.list" | "agenda.list" | "agenda.free-busy",
    calendars: readonly string[],
  ): ReadonlyMap<string, Relation> | undefined {
    const relations = relationsTo(this.#state, this.#caller, calendars);
    const isAllowed = [...relations].every(([key, relation]) => {
      const facts = { kind: "calendar", owner: calendarOwner(key), relation } as const;
      return decide(this.#caller, action, facts).kind === "allow";
    });
    return isAllowed ? relations : undefined;
  }

  #isMemberAllowed(action: Action, group: string): boolean {
    const membership = findOwnMember(this.#state, group, this.#caller);
    return decide(this.#caller, action, { kind: "group", membership }).kind === "allow";
  }

  #ownMemberKeys(group: string): readonly StateKey[] {
    const caller = this.#caller;
    return caller.kind === "user" && isId(caller.user) ? [KEYS.member(group, caller.user)] : [];
  }

  #refuseUnlessSystem(action: Action): Refusal | undefined {
    return decide(this.#caller, action, { kind: "none" }).kind === "allow"
      ? undefined
      : refuse("permission-denied", "only the cluster reads this");
  }

  #find<Row>(codec: RowCodec<Row>, key: StateKey): Row | undefined {
    return this.#state.find(codec, key);
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

function pageRows(pageSize: number): number {
  return pageSize <= 0 ? PAGE_ROWS_DEFAULT : Math.min(pageSize, PAGE_ROWS_MAX);
}

function blank({ id, displayName, state }: User): User {
  return {
    id,
    uid: "",
    displayName,
    email: "",
    timeZone: "",
    state,
    clusterRoles: [],
    defaultVisibility: "default",
    workingHours: [],
    createTimeMs: 0,
    updateTimeMs: 0,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: 0,
  };
}
