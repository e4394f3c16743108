import { unreachable } from "../base/index.js";
import type { Answer, Caller, QueryReply, StateQuestion, User } from "../domain/index.js";
import { decide, isId } from "../policy/index.js";
import type { Action } from "../policy/index.js";
import { CalendarQueries } from "./calendar-queries.js";
import { channelRight } from "./channel-right.js";
import { loginThrottledUntil } from "./login-throttle.js";
import { readAudit, readAuditCheckpoints } from "./audit.js";
import { isInvitationId, isSessionId } from "./checks.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Refusal } from "./draft.js";
import { gather } from "./gather.js";
import { isNotificationId, isOwn, listNotifications } from "./notifications.js";
import { dueReminders } from "./reminders.js";
import { groupsOfRange } from "./group-rows.js";
import { invitationName } from "./invitations.js";
import {
  findGroup,
  findMember,
  findOwnMember,
  listMembers,
  memberKeys,
  memberRange,
} from "./membership.js";
import { pageRows } from "./page-rows.js";
import { readOutbox } from "./outbox.js";

import { keyAfter, KEYS, prefixRange } from "./rows.js";
import type { RowCodecs } from "./rows.js";
import { sessionsRange, withoutHashes } from "./sessions.js";
import { readSubscriptions } from "./subscriptions.js";
import { foldAscii, isVisibleAscii } from "./text.js";
import { StateReader } from "./state-reader.js";
import { listDueSeries } from "./series.js";
import type { RowCodec, StateKey, View } from "./types.js";

/** Users that one question finds: as many as a group has. */
const FOUND_MAX = 500;

type Of<Kind extends StateQuestion["kind"]> = Extract<StateQuestion, { kind: Kind }>;

export function answerQuestion(
  caller: Caller,
  question: StateQuestion,
  view: View,
  rows: RowCodecs,
): QueryReply {
  const result = new Queries(caller, view, rows).answer(question);
  return result.kind === "refused" ? result : { kind: "answered", answer: result };
}

/** One query: who asks, and the state as of which it is answered. */
class Queries {
  readonly #caller: Caller;
  readonly #view: View;
  readonly #rows: RowCodecs;
  readonly #state: StateReader;
  readonly #calendars: CalendarQueries;

  constructor(caller: Caller, view: View, rows: RowCodecs) {
    this.#caller = caller;
    this.#view = view;
    this.#rows = rows;
    this.#state = new StateReader(rows, view);
    this.#calendars = new CalendarQueries(caller, view, rows, this.#state);
  }

  answer(question: StateQuestion): Answer | Refusal {
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
      case "get-channel-right":
        return channelRight(this.#state, this.#caller, question.calendar);
      case "get-session":
        return this.#getSession(question);
      case "get-cluster-keys":
        return this.#getClusterKeys();
      case "get-range-map":
        return this.#getRangeMap();
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
        return this.#calendars.getCalendar(question);
      case "list-calendars":
        return this.#calendars.listCalendars();
      case "get-event":
        return this.#calendars.getEvent(question);
      case "get-events":
        return this.#calendars.getEvents(question);
      case "list-events":
        return this.#calendars.listEvents(question);
      case "free-busy":
        return this.#calendars.freeBusy(question);
      case "list-notifications":
        return this.#listNotifications(question);
      case "list-instances":
        return this.#calendars.listInstances(question);
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

  #getRangeMap(): Answer | Refusal {
    const denied = this.#refuseUnlessSystem("range-map.get");
    if (denied !== undefined) return denied;
    const map = this.#find(this.#rows.rangeMap, KEYS.rangeMap);
    return map === undefined ? refuseNotFound("cluster/range-map") : { kind: "range-map", map };
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
