import type { MemberRole } from "../domain/index.js";
import type { CalendarOwner } from "./calendar-owner.js";

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
  /** A calendar or something in it; undefined for a key that is none. */
  | { readonly kind: "calendar"; readonly owner: CalendarOwner | undefined }
  /** A user or something of a user's. */
  | { readonly kind: "user"; readonly user: string }
  | {
      readonly kind: "group";
      /** The caller's; undefined if the caller is no member, or there is no such group. */
      readonly membership: Membership | undefined;
      /** Rank of the member whom the action is about. */
      readonly rank?: number;
    };
