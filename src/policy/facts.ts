import type { MemberRole } from "../domain/index.js";
import type { CalendarOwner } from "./calendar-owner.js";
import type { Relation } from "./privacy.js";

/** The caller's place in a group. */
export interface Membership {
  readonly role: MemberRole;
  readonly rank: number;
}

/** What is known of the object of an action. */
export type Facts =
  /** The action has no object. */
  | { readonly kind: "none" }
  /** Nothing was looked up yet. */
  | { readonly kind: "unknown" }
  /** A calendar or something in it. */
  | {
      readonly kind: "calendar";
      /** Undefined for a key that is none. */
      readonly owner: CalendarOwner | undefined;
      /** What the caller is to it; undefined where that was not looked up. */
      readonly relation?: Relation;
      /** Of a group's calendar: the caller's place in the group; undefined for none, or where it was not looked up. */
      readonly membership?: Membership | undefined;
    }
  /** A user or something of a user's. */
  | { readonly kind: "user"; readonly user: string }
  | {
      readonly kind: "group";
      /** The caller's; undefined if the caller is no member, or there is no such group. */
      readonly membership: Membership | undefined;
      /** Rank of the member whom the action is about. */
      readonly rank?: number;
    };
