import type { Attendee, CalendarEvent, Group, Member, Occurrences } from "./resources.js";

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
  | { readonly kind: "user-gone"; readonly user: string }
  /** An event as its organiser has it, for the calendars of some whom it concerns, or no longer concerns. */
  | {
      readonly kind: "event";
      readonly event: CalendarEvent;
      /** Of an event that repeats. */
      readonly series?: {
        readonly occurrences: Occurrences;
        readonly exceptedMs: readonly number[];
      };
      readonly users: readonly string[];
    }
  /** What someone who is invited said. */
  | {
      readonly kind: "answer";
      readonly calendar: string;
      readonly event: string;
      /** Of the event that was answered: an answer to how it was before is none. */
      readonly sequence: number;
      readonly attendee: Attendee;
    }
  /** To the shard itself: what has come to a group's events goes on after that place. */
  | {
      readonly kind: "group-events";
      readonly group: string;
      /** Who left the group; empty if it is gone. */
      readonly left: string;
      readonly after: string;
    };

/** A delivery as it waits in the outbox. */
export interface OutboxEntry {
  readonly number: number;
  /** Log time of the command that made it. */
  readonly timeMs: number;
  readonly delivery: Delivery;
}
