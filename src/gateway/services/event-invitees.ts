import type { Event } from "../../../gen/cabildo/v1/events_pb.js";
import type { EventContent } from "../../domain/index.js";
import { calendarOwner } from "../../policy/index.js";
import type { GatewayClock } from "../clock.js";
import { hearOfGroups } from "../group-news.js";
import type { Call } from "../handlers.js";
import { parseGroup } from "../names.js";
import { requireUsersExist } from "../users-exist.js";

/** Whom one event of a request invites. */
export interface Asked {
  readonly content: EventContent;
  readonly group?: { readonly group?: string };
  /** Where it stands in the request. */
  readonly path: string;
}

export function groupOf(event: Event | undefined, field: string): { readonly group?: string } {
  const name = event?.group ?? "";
  return name === "" ? {} : { group: parseGroup(name, field) };
}

/** Those who are named must be there, and the groups as they are known now. */
export async function requireInvited(
  clock: GatewayClock,
  call: Call,
  calendar: string,
  asked: readonly Asked[],
): Promise<void> {
  const isGroup = calendarOwner(calendar)?.kind === "group";
  for (const { content, path } of asked) {
    const users = content.invitees.map(({ user }) => user);
    await requireUsersExist(call, users, `${path}.attendees`);
  }
  if (!isGroup && asked.every(({ group }) => group?.group === undefined)) return;
  await hearOfGroups(clock, call, call.shards.of("calendars", calendar));
}
