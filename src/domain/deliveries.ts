import type { Group, Member } from "./resources.js";

/**
 * What one shard tells another, through its outbox: in order, and once, whatever dies. The shards of the calendars keep what they
 * are told of groups and members, so that rights are decided where the data is.
 */
export type Delivery =
  | { readonly kind: "group"; readonly group: Group }
  | { readonly kind: "member"; readonly member: Member }
  | {
      readonly kind: "member-gone";
      readonly group: string;
      readonly user: string;
      readonly revision: number;
    }
  /** Disabled or deleted: memberships end. */
  | { readonly kind: "user-gone"; readonly user: string };

/** A delivery as it waits in the outbox. */
export interface OutboxEntry {
  readonly number: number;
  /** Log time of the command that made it. */
  readonly timeMs: number;
  readonly delivery: Delivery;
}
