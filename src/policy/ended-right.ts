import type { Change } from "../domain/index.js";

/** What somebody could do before a change was committed, and cannot from it on. */
export type EndedRight =
  | { readonly kind: "channel"; readonly channel: string; readonly user: string }
  | { readonly kind: "session"; readonly user: string; readonly session: string };

/** Decided by the committed change alone, so that every server ends the right at the same place of the feed. */
export function findEndedRight({ kind, channel, resource }: Change): EndedRight | undefined {
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
