import type { Calendar, Change } from "../domain/index.js";

/** What somebody could do before a change was committed, and cannot from it on. */
export type EndedRight =
  | { readonly kind: "channel"; readonly channel: string; readonly user: string }
  | { readonly kind: "session"; readonly user: string; readonly session: string }
  /** Of those who read a calendar as its readers, whoever may not by what it says now. */
  | { readonly kind: "readers"; readonly channel: string; readonly calendar: Calendar }
  /**
   * Somebody's place in a group, or the group's among others, is another one, or what a user shows (`users/ana`): what
   * follows from it has to be asked for again.
   */
  | { readonly kind: "standing"; readonly of: string; readonly user: string | undefined };

const STANDING = "standing/";

/** Where a shard of calendars says what has changed for it, that rights follow from. Nobody can subscribe to it. */
export function standingChannel(of: string): string {
  return `${STANDING}${of}`;
}

/** Decided by the committed change alone, so that every server ends the right at the same place of the feed. */
export function findEndedRight({ kind, channel, resource }: Change): EndedRight | undefined {
  if (channel.startsWith(STANDING)) {
    const user = resource.kind === "member" ? resource.member.user : undefined;
    return { kind: "standing", of: channel.slice(STANDING.length), user };
  }
  if (resource.kind === "calendar") {
    return { kind: "readers", channel, calendar: resource.calendar };
  }
  if (kind !== "deleted") return undefined;
  switch (resource.kind) {
    case "member":
      return { kind: "channel", channel, user: resource.member.user };
    case "session":
      return { kind: "session", user: resource.session.user, session: resource.session.id };
    default:
      return undefined;
  }
}
