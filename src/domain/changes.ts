import type { Resource } from "./replies.js";
import type { Visibility } from "./resources.js";

export type ChangeKind = "created" | "updated" | "deleted";

/**
 * What a change of an event is to those who read its calendar and have no part in it: all of it, that time is taken (by what
 * they did not see before, or differently), that what they saw is gone, or nothing.
 */
export type ToReaders = "details" | "busy-created" | "busy-updated" | "gone" | "nothing";

/**
 * One committed change, as the feed keeps it. `channel` is the one it belongs to (`calendars/ana`, `groups/choir`,
 * `users/ana`); `audience` are the users who hear it on their own channel, the owner of a calendar included.
 */
export interface Change {
  readonly kind: ChangeKind;
  readonly channel: string;
  readonly audience: readonly string[];
  readonly resourceName: string;
  readonly revision: number;
  readonly resource: Resource;
  /** Of an event, decided when it was committed from how it was before and how it is. */
  readonly toReaders?: ToReaders;
  /** Who had a part in the event before, and has none now. */
  readonly formerly?: readonly string[];
  /** What the owner of its calendar said then of events that say nothing of their own. */
  readonly defaultVisibility?: Visibility;
}
