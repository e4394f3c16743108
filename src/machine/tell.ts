import type { CalendarEvent } from "../domain/index.js";
import { calendarOwner } from "../policy/index.js";
import { CommandTooLarge } from "./draft.js";
import type { Draft } from "./draft.js";
import type { Standing } from "./series.js";

/** Of an event that more are invited to, a copy names nobody but its owner: there are as many copies as attendees. */
export const COPY_ATTENDEES_MAX = 50;
/** Copies that one delivery writes, of an event that does not repeat. */
const COPIES_MAX = 20;
/** Rows that writing one copy takes at most, but for those of a series; with the instances that go with it. */
const COPY_ROWS = 45;
const DELIVERY_ROWS_MAX = 900;
/** How far numbers were given: one row a shard. */
const LANE_ROWS = 4;

/** Tells the calendars of all whom an event concerns, or did, how it is now. */
export function tell(draft: Draft, before: Standing | undefined, after: Standing): void {
  const users = concerned(before?.event, after.event);
  if (users.length === 0) return;
  const slices = slicesOf(draft, users, copiesPerDelivery(before, after));
  if (!draft.hasRoom(slices.length + LANE_ROWS)) throw new CommandTooLarge();
  const { event, series } = after;
  for (const slice of slices) {
    draft.postTo("calendars", slice[0] ?? "", {
      kind: "event",
      event,
      users: slice,
      ...(series === undefined ? {} : { series }),
    });
  }
}

/** What a copy may say of others. */
export function shownTo(event: CalendarEvent, user: string): CalendarEvent["attendees"] {
  const { attendees } = event;
  if (attendees.length <= COPY_ATTENDEES_MAX) return attendees;
  return attendees.filter((attendee) => attendee.user === user);
}

function concerned(before: CalendarEvent | undefined, after: CalendarEvent): readonly string[] {
  const owner = calendarOwner(after.calendar);
  const own = owner?.kind === "user" ? owner.user : "";
  const users = [...(before?.attendees ?? []), ...after.attendees].map(({ user }) => user);
  return [...new Set(users)].filter((user) => user !== own);
}

/** A copy of a series has all its rows: those that it had, and those that it gets. */
function copiesPerDelivery(before: Standing | undefined, after: Standing): number {
  const occurrences = (standing: Standing | undefined): number =>
    standing?.series?.occurrences.startsMs.length ?? 0;
  const rows = occurrences(before) + occurrences(after) + COPY_ROWS;
  return Math.max(1, Math.min(COPIES_MAX, Math.floor(DELIVERY_ROWS_MAX / rows)));
}

/** Those of one shard together. */
function slicesOf(
  draft: Draft,
  users: readonly string[],
  size: number,
): readonly (readonly string[])[] {
  const ofShard = new Map<number, string[]>();
  for (const user of users) {
    const shard = draft.shardOf("calendars", user);
    const others = ofShard.get(shard);
    if (others === undefined) ofShard.set(shard, [user]);
    else others.push(user);
  }
  return [...ofShard.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
      all.slice(i * size, (i + 1) * size),
    ),
  );
}
