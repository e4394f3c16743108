import type {
  Calendar,
  CalendarEvent,
  Group,
  Invitation,
  Member,
  Notification,
  Session,
  Subscriptions,
  User,
} from "./resources.js";
import type { ErrorCode } from "../base/index.js";

/** What applying a command answered; `replayed` marks the stored answer to a repeated request id. */
export type CommandReply =
  | {
      readonly kind: "done";
      /** Resource name of what was written, such as `calendars/ana/events/e01...`. */
      readonly name: string;
      readonly revision: number;
      /** The feed sequence of the last change that the command made; the shard's then latest if it made none. */
      readonly sequence: number;
      readonly replayed: boolean;
      /** What was written, where it fits the answer: read it by name otherwise. */
      readonly resource?: Resource;
    }
  | {
      readonly kind: "refused";
      readonly code: ErrorCode;
      readonly message: string;
      readonly replayed: boolean;
    };

export type Resource =
  | { readonly kind: "user"; readonly user: User }
  | { readonly kind: "session"; readonly session: Session }
  | { readonly kind: "group"; readonly group: Group }
  | { readonly kind: "member"; readonly member: Member }
  | { readonly kind: "event"; readonly event: CalendarEvent }
  | { readonly kind: "invitation"; readonly invitation: Invitation }
  | { readonly kind: "notification"; readonly notification: Notification }
  | { readonly kind: "subscriptions"; readonly subscriptions: Subscriptions }
  | { readonly kind: "calendar"; readonly calendar: Calendar };
