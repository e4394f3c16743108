import type { Caller, Notification, Operation, Question } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuseNotFound } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { KEYS, prefixRange } from "./rows.js";
import type { RowCodecs } from "./rows.js";
import type { KeyRange, View } from "./types.js";

/** How long a user finds what they were told. */
export const NOTIFICATION_LIFETIME_MS = 90 * 86_400_000;
/** Notifications that one command marks as read. */
export const MARKED_MAX = 300;
const ID_DIGITS = 16;
const NOTIFICATION_ID = /^n[0-9]{16}$/;

/** Names that marking all answers with: whether there are more. */
export const MARK_MORE = "notifications/more";
export const MARK_DONE = "notifications/done";

type MarkRead = Extract<Operation, { kind: "mark-notification-read" }>;
type MarkAllRead = Extract<Operation, { kind: "mark-all-notifications-read" }>;

export function isNotificationId(text: string): boolean {
  return NOTIFICATION_ID.test(text);
}

/**
 * Tells a user something: stored where the user's calendar is, and pushed on the user's channel. The id is the change's
 * revision, so that they are in order.
 */
export function notify(
  draft: Draft,
  user: string,
  { type, subject, text }: Pick<Notification, "type" | "subject" | "text">,
): void {
  const id = `n${String(draft.nextRevision).padStart(ID_DIGITS, "0")}`;
  const notification = { user, id, type, subject, text, createTimeMs: draft.nowMs, readTimeMs: 0 };
  const bytes = draft.rows.notification.encode(notification);
  draft.putBytes(KEYS.notification(user, id), bytes);
  draft.putBytes(KEYS.unread(user, id), bytes);
  const expiryKey = KEYS.notificationExpiry(draft.nowMs + NOTIFICATION_LIFETIME_MS, user, id);
  draft.put(draft.rows.expiry, expiryKey, { keys: [KEYS.unread(user, id)], bytes: 0 });
  report(draft, "created", notification);
}

/** Read once, and again without effect. */
export function markRead(draft: Draft, caller: Caller, operation: MarkRead): Outcome {
  const { user, notification: id } = operation;
  const name = notificationName(user, id);
  if (!isOwn(caller, "notification.update", user)) return refuseNotFound(name);
  const found = draft.find(draft.rows.notification, KEYS.notification(user, id));
  if (found === undefined) return refuseNotFound(name);
  if (found.readTimeMs !== 0) return done(found);
  return mark(draft, found);
}

export function markAllRead(draft: Draft, caller: Caller, operation: MarkAllRead): Outcome {
  const { user } = operation;
  if (!isOwn(caller, "notification.update", user)) return refuseNotFound(`users/${user}`);
  const unread = draft.view.range(unreadRange(user, MARKED_MAX + 1));
  for (const { value } of unread.slice(0, MARKED_MAX)) {
    mark(draft, draft.rows.notification.decode(value));
  }
  const name = unread.length > MARKED_MAX ? MARK_MORE : MARK_DONE;
  return { kind: "done", name, revision: 0 };
}

/** The newest first. */
export function listNotifications(
  view: View,
  rows: RowCodecs,
  question: Extract<Question, { kind: "list-notifications" }>,
): { readonly notifications: readonly Notification[]; readonly next: string } {
  const { user, pageSize, after, unreadOnly } = question;
  const of = unreadOnly ? KEYS.unread : KEYS.notification;
  const all = unreadOnly
    ? unreadRange(user, pageSize + 1)
    : prefixRange(`nt/${user}`, pageSize + 1);
  const end = after === "" ? all.end : of(user, after);
  const found = view.range({ ...all, end, reverse: true });
  const notifications = found
    .slice(0, pageSize)
    .map(({ value }) => rows.notification.decode(value));
  const last = found.length > pageSize ? notifications.at(-1) : undefined;
  return { notifications, next: last?.id ?? "" };
}

export function unreadRange(user: string, limit: number): KeyRange {
  return prefixRange(`nu/${user}`, limit);
}

export function isOwn(
  caller: Caller,
  action: "notification.list" | "notification.update",
  user: string,
): boolean {
  return decide(caller, action, { kind: "user", user }).kind === "allow";
}

function mark(draft: Draft, found: Notification): Outcome {
  const read = { ...found, readTimeMs: draft.nowMs };
  draft.put(draft.rows.notification, KEYS.notification(found.user, found.id), read);
  draft.delete(KEYS.unread(found.user, found.id));
  report(draft, "updated", read);
  return done(read);
}

function report(draft: Draft, kind: "created" | "updated", notification: Notification): void {
  const { user, id } = notification;
  draft.change({
    kind,
    channel: `users/${user}`,
    audience: [user],
    resourceName: notificationName(user, id),
    resource: { kind: "notification", notification },
  });
}

function done(notification: Notification): Exclude<Outcome, Refusal> {
  const name = notificationName(notification.user, notification.id);
  return { kind: "done", name, revision: 0, resource: { kind: "notification", notification } };
}

function notificationName(user: string, notification: string): string {
  return `users/${user}/notifications/${notification}`;
}
