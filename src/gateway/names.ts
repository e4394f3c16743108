import { fieldFault } from "./faults.js";

const ID = "[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?";
/** Of an event, or followed by a start: of an instance of one that repeats. */
const EVENT_ID = "e[0-9a-hjkmnp-tv-z]{26}(?:_[0-9]{8}t[0-9]{6}z)?";
const USER = new RegExp(`^users/(${ID})$`);
const GROUP = new RegExp(`^groups/(${ID})$`);
const MEMBER = new RegExp(`^groups/(${ID})/members/(${ID})$`);
const INVITATION = new RegExp(`^groups/(${ID})/invitations/(i[0-9a-hjkmnp-tv-z]{26})$`);
const SESSION = new RegExp(`^users/(${ID})/sessions/([A-Za-z0-9_-]{1,64})$`);
const SUBSCRIPTIONS = new RegExp(`^users/(${ID})/subscriptions$`);
const CALENDAR = new RegExp(`^calendars/(${ID}(?:\\.${ID})?)$`);
const NOTIFICATION = new RegExp(`^users/(${ID})/notifications/(n[0-9]{16})$`);
const EVENT = new RegExp(`^calendars/(${ID}(?:\\.${ID})?)/events/(${EVENT_ID})$`);

const EVENT_CHANNEL = new RegExp(`^events/(${ID}(?:\\.${ID})?)/${EVENT_ID}$`);

/** Each takes a resource name of the kind it is named for, and names the field where it is none. */
export function parseUser(name: string, field: string): string {
  return requirePart(USER.exec(name)?.[1], field, "users/{user}");
}

export function parseSession(
  name: string,
  field: string,
): { readonly user: string; readonly session: string } {
  const [, user, session] = SESSION.exec(name) ?? [];
  const form = "users/{user}/sessions/{session}";
  return { user: requirePart(user, field, form), session: requirePart(session, field, form) };
}

export function parseSubscriptions(name: string, field: string): string {
  return requirePart(SUBSCRIPTIONS.exec(name)?.[1], field, "users/{user}/subscriptions");
}

export function parseGroup(name: string, field: string): string {
  return requirePart(GROUP.exec(name)?.[1], field, "groups/{group}");
}

export function parseMember(
  name: string,
  field: string,
): { readonly group: string; readonly user: string } {
  const [, group, user] = MEMBER.exec(name) ?? [];
  const form = "groups/{group}/members/{user}";
  return { group: requirePart(group, field, form), user: requirePart(user, field, form) };
}

export function parseInvitation(
  name: string,
  field: string,
): { readonly group: string; readonly invitation: string } {
  const [, group, invitation] = INVITATION.exec(name) ?? [];
  const form = "groups/{group}/invitations/{invitation}";
  return {
    group: requirePart(group, field, form),
    invitation: requirePart(invitation, field, form),
  };
}

export function parseCalendar(name: string, field: string): string {
  return requirePart(CALENDAR.exec(name)?.[1], field, "calendars/{calendar}");
}

export function parseEvent(
  name: string,
  field: string,
): { readonly calendar: string; readonly event: string } {
  const [, calendar, event] = EVENT.exec(name) ?? [];
  const form = "calendars/{calendar}/events/{event}";
  return {
    calendar: requirePart(calendar, field, form),
    event: requirePart(event, field, form),
  };
}

export function parseNotification(
  name: string,
  field: string,
): { readonly user: string; readonly notification: string } {
  const [, user, notification] = NOTIFICATION.exec(name) ?? [];
  const form = "users/{user}/notifications/{notification}";
  return {
    user: requirePart(user, field, form),
    notification: requirePart(notification, field, form),
  };
}

/** What a channel's name stands for; undefined for a name that no channel can have. */
export function findChannel(
  name: string,
):
  | { readonly kind: "user" | "group" | "calendar"; readonly id: string }
  | { readonly kind: "cluster" }
  | undefined {
  if (name === "cluster") return { kind: "cluster" };
  const kinds = [
    ["user", USER],
    ["group", GROUP],
    ["calendar", CALENDAR],
    // An event is heard by whoever hears its calendar.
    ["calendar", EVENT_CHANNEL],
  ] as const;
  for (const [kind, pattern] of kinds) {
    const id = pattern.exec(name)?.[1];
    if (id !== undefined) return { kind, id };
  }
  return undefined;
}

function requirePart(part: string | undefined, field: string, form: string): string {
  if (part === undefined) throw fieldFault(field, `must be a name such as ${form}`);
  return part;
}
