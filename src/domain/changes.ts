import type { Resource } from "./commands.js";

export type ChangeKind = "created" | "updated" | "deleted";

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
}
