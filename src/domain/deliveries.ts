import type {
  Attendee,
  CalendarEvent,
  Group,
  Member,
  Notification,
  Occurrences,
  Visibility,
} from "./resources.js";

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
  /** To the groups' shard itself: who left a group has left those below it, from there on, unless they are in them otherwise. */
  | {
      readonly kind: "left-above";
      readonly group: string;
      /** Empty if it was moved: whoever was in it through a group above. */
      readonly user: string;
      readonly after: string;
    }
  /** Disabled or deleted: memberships end. */
  | { readonly kind: "user-gone"; readonly user: string }
  /** How a user's events are seen that say nothing of their own. */
  | { readonly kind: "default-visibility"; readonly user: string; readonly visibility: Visibility }
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
  /**
   * Of a group's events, after that place, nobody is waited for who is not in it any more: it is below another group now, or
   * one above it is.
   */
  | { readonly kind: "group-moved"; readonly group: string; readonly after: string }
  /** What a user finds among their notifications. */
  | ({ readonly kind: "notice"; readonly user: string } & Pick<
      Notification,
      "type" | "subject" | "text"
    >)
  /** What has come to a group's events, after that place: of the groups' shard, or of the shard itself, to go on. */
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
