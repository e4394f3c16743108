import type { Resource } from "../../src/domain/index.js";
import type { TrueChange } from "./truth.js";

/** Everything in [from, until) of a shard is someone's to hear; the right begins and ends with committed changes. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

/**
 * When a user may hear a channel that may be taken away again, told from the log alone: as a member of a group, or of the group
 * whose calendar it is, of which each shard has an account of its own; or as a calendar's reader.
 */
export function spansOf(
  user: string,
  channel: string,
  changes: readonly TrueChange[],
): readonly Span[] {
  const spans: Span[] = [];
  let from: number | undefined;
  for (const { sequence, isGiven } of rightsIn(user, channel, changes)) {
    if (isGiven) from ??= sequence;
    else if (from !== undefined) {
      spans.push({ from, until: sequence });
      from = undefined;
    }
  }
  return from === undefined ? spans : [...spans, { from, until: Infinity }];
}

function rightsIn(
  user: string,
  channel: string,
  changes: readonly TrueChange[],
): readonly { readonly sequence: number; readonly isGiven: boolean }[] {
  const [collection, id = ""] = channel.split("/");
  const group = collection === "groups" ? id : /^(.+)\.group$/u.exec(id)?.[1];
  return changes.flatMap(({ sequence, channels, kind, resource }) => {
    const [of] = channels;
    if (group !== undefined) {
      const account = collection === "groups" ? channel : `standing/${group}`;
      if (of !== account || resource.kind !== "member" || resource.member.user !== user) return [];
      return [{ sequence, isGiven: kind !== "deleted" }];
    }
    if (of !== `calendars/${id}` || resource.kind !== "calendar") return [];
    const { calendar } = resource;
    return [{ sequence, isGiven: calendar.public || calendar.readers.includes(user) }];
  });
}

/** What of a change somebody hears who may hear its channel, as docs/PRIVACY.md has it for owners, attendees and readers. */
export function valueFor(user: string, change: TrueChange): string {
  const { kind, resourceName, revision, resource } = change;
  // Nor is it told apart from one that is like it by its version.
  const [shown, title] = isHidden(user, resource) ? [0, ""] : [revision, titleOf(resource)];
  return valueOf(kind, resourceName, `"r${shown}"`, title);
}

/** What is compared of each change. */
export function valueOf(kind: string, resourceName: string, etag: string, title: string): string {
  return `${kind} ${resourceName} ${etag} "${title}"`;
}

/** Of a choice its channels are what is compared. */
export function choiceOf(channels: readonly string[]): string {
  return channels.join(" ");
}

function isHidden(user: string, resource: Resource): boolean {
  if (resource.kind !== "event") return false;
  const { calendar, organizer, attendees, visibility } = resource.event;
  const hasPart =
    calendar.split(".")[0] === user ||
    organizer === user ||
    attendees.some((attendee) => attendee.user === user);
  return !hasPart && visibility !== "default" && visibility !== "public";
}

function titleOf(resource: Resource): string {
  switch (resource.kind) {
    case "group":
      return resource.group.displayName;
    case "subscriptions":
      return choiceOf(resource.subscriptions.channels);
    case "event":
      return resource.event.title;
    default:
      return "";
  }
}
