import type { AuditCheckpoint, AuditRecord } from "./audit.js";
import type { Caller, ClusterRole } from "./caller.js";
import type {
  CalendarContent,
  CalendarField,
  EventContent,
  EventField,
  GroupField,
  MemberField,
  NewEvent,
  UserContent,
  UserField,
} from "./contents.js";
import type { Delivery } from "./deliveries.js";
import type {
  ClusterKeys,
  GroupKind,
  InvitationState,
  MemberRole,
  Occurrences,
  Response,
  SigningKey,
} from "./resources.js";
import type { RangeMap } from "../placement/index.js";

export type UserAct = "disable" | "enable" | "delete" | "undelete";

/** What a shard can be told to do. Ids, hashes and secrets are made before the proposal: applying must not make any. */
export type Operation =
  | {
      readonly kind: "register-user";
      readonly user: string;
      readonly uid: string;
      readonly displayName: string;
      readonly email: string;
      readonly timeZone: string;
      readonly passwordHash: string;
      /** SHA-256 in hex of the bootstrap credential that makes this user an administrator; empty for everyone else. */
      readonly bootstrapHash: string;
    }
  | {
      readonly kind: "change-password";
      readonly user: string;
      readonly passwordHash: string;
      /** Session that stays. */
      readonly keepSession: string;
    }
  | {
      readonly kind: "create-session";
      readonly user: string;
      readonly session: string;
      readonly client: string;
      readonly refreshHash: string;
      readonly lifetimeMs: number;
      /** Failures to log in from there are forgotten; of nobody if left out. */
      readonly address?: string;
    }
  | {
      readonly kind: "rotate-session";
      readonly user: string;
      readonly session: string;
      readonly presentedHash: string;
      readonly nextHash: string;
      readonly lifetimeMs: number;
    }
  /** A wrong password was tried, or a wrong code. */
  | { readonly kind: "record-login-failure"; readonly user: string; readonly address: string }
  | {
      readonly kind: "issue-reset-code";
      readonly user: string;
      /** SHA-256 in hex. */
      readonly codeHash: string;
      readonly lifetimeMs: number;
    }
  | {
      readonly kind: "reset-password";
      readonly user: string;
      readonly codeHash: string;
      readonly passwordHash: string;
    }
  | {
      readonly kind: "set-cluster-roles";
      readonly user: string;
      readonly roles: readonly ClusterRole[];
      /** Empty for any. */
      readonly etag: string;
    }
  | { readonly kind: "revoke-session"; readonly user: string; readonly session: string }
  | {
      readonly kind: "update-user";
      readonly user: string;
      readonly content: UserContent;
      /** Which fields of `content` are written. */
      readonly fields: readonly UserField[];
      /** Empty for any. */
      readonly etag: string;
    }
  | {
      readonly kind: "set-subscriptions";
      readonly user: string;
      readonly channels: readonly string[];
      /** Empty for any. */
      readonly etag: string;
    }
  | {
      readonly kind: "set-user-standing";
      readonly user: string;
      readonly act: UserAct;
      readonly etag: string;
    }
  /** Refused with already-exists where there are keys: the first proposal wins. */
  | { readonly kind: "create-cluster-keys"; readonly keys: ClusterKeys }
  /** The next key signs from now on; nothing is done unless `expected` does now. */
  | {
      readonly kind: "rotate-cluster-keys";
      readonly expected: string;
      readonly next: SigningKey;
    }
  /** Refused unless its version is a higher one and every key stays where it is. */
  | { readonly kind: "publish-range-map"; readonly map: RangeMap }
  | {
      readonly kind: "create-group";
      readonly group: string;
      readonly uid: string;
      readonly displayName: string;
      readonly groupKind: GroupKind;
      /** Empty for none. */
      readonly parent: string;
    }
  | {
      readonly kind: "update-group";
      readonly group: string;
      readonly displayName: string;
      readonly parent: string;
      readonly fields: readonly GroupField[];
      /** Empty for any. */
      readonly etag: string;
    }
  | {
      readonly kind: "set-group-deleted";
      readonly group: string;
      readonly deleted: boolean;
      readonly etag: string;
    }
  | {
      readonly kind: "update-member";
      readonly group: string;
      readonly user: string;
      readonly role: MemberRole;
      readonly rank: number;
      readonly fields: readonly MemberField[];
      readonly etag: string;
    }
  /** One's own: leaving. */
  | { readonly kind: "remove-member"; readonly group: string; readonly user: string }
  | { readonly kind: "transfer-leadership"; readonly group: string; readonly successor: string }
  | {
      readonly kind: "create-invitation";
      readonly group: string;
      readonly invitation: string;
      readonly invitee: string;
      readonly role: MemberRole;
      readonly rank: number;
      readonly lifetimeMs: number;
      /** Whether the invitee finds it among their notifications. */
      readonly tells: boolean;
    }
  | {
      readonly kind: "settle-invitation";
      readonly group: string;
      readonly invitation: string;
      readonly state: Exclude<InvitationState, "pending">;
    }
  | {
      readonly kind: "add-member";
      readonly group: string;
      readonly user: string;
      readonly role: MemberRole;
      readonly rank: number;
    }
  /** A further one of the caller's. */
  | {
      readonly kind: "create-calendar";
      readonly calendar: string;
      readonly content: CalendarContent;
    }
  | {
      readonly kind: "update-calendar";
      readonly calendar: string;
      readonly content: CalendarContent;
      readonly fields: readonly CalendarField[];
      /** Empty for any. */
      readonly etag: string;
    }
  | { readonly kind: "delete-calendar"; readonly calendar: string; readonly etag: string }
  | {
      readonly kind: "set-reader";
      readonly calendar: string;
      readonly reader: string;
      readonly reads: boolean;
    }
  | {
      readonly kind: "create-event";
      readonly calendar: string;
      readonly event: string;
      readonly content: EventContent;
      readonly group?: string;
      readonly occurrences?: Occurrences;
    }
  | {
      readonly kind: "update-event";
      readonly calendar: string;
      readonly event: string;
      readonly content: EventContent;
      /** Which fields of `content` are written. */
      readonly fields: readonly EventField[];
      /** Empty for any. */
      readonly etag: string;
      /** If span or recurrence are written and it repeats then: of both as `content` has them. */
      readonly occurrences?: Occurrences;
    }
  | {
      readonly kind: "delete-event";
      readonly calendar: string;
      readonly event: string;
      readonly etag: string;
    }
  | { readonly kind: "undelete-event"; readonly calendar: string; readonly event: string }
  | {
      readonly kind: "cancel-event";
      readonly calendar: string;
      readonly event: string;
      readonly etag: string;
    }
  /** By the copy in the calendar of whoever answers. */
  | {
      readonly kind: "respond-event";
      readonly calendar: string;
      readonly event: string;
      readonly response: Exclude<Response, "needs-action" | "auto-accepted">;
      readonly comment: string;
    }
  /** All or none, as `delete-events`. */
  | {
      readonly kind: "create-events";
      readonly calendar: string;
      readonly events: readonly NewEvent[];
      /** What is there already is left as it is, instead of refused. */
      readonly absentOnly?: boolean;
    }
  | {
      readonly kind: "delete-events";
      readonly calendar: string;
      readonly events: readonly string[];
    }
  /** Proposed by the leader before the occurrences that are known end. Does nothing unless they go up to `afterMs` still. */
  | {
      readonly kind: "extend-series";
      readonly calendar: string;
      readonly event: string;
      /** When it was due: its entry in the queue goes. */
      readonly dueMs: number;
      readonly afterMs: number;
      readonly occurrences: Occurrences;
    }
  /** Proposed by the leader when reminders are due: at most so many. */
  | { readonly kind: "fire-reminders"; readonly limit: number }
  | {
      readonly kind: "mark-notification-read";
      readonly user: string;
      readonly notification: string;
    }
  | { readonly kind: "mark-all-notifications-read"; readonly user: string }
  /** Proposed by the leader when there is something to expire: request ids, sessions, feed rows below a sequence. */
  | { readonly kind: "sweep"; readonly limit: number; readonly trimFeedTo: number }
  /**
   * A row of another shard's outbox. Numbers of one (source, epoch) are dense here: what came is not taken again, what is missing
   * is waited for.
   */
  | {
      readonly kind: "deliver";
      readonly source: number;
      readonly epoch: number;
      readonly number: number;
      readonly delivery: Delivery;
    }
  /** Everything for a target up to this number was taken there. */
  | { readonly kind: "settle-outbox"; readonly target: number; readonly upTo: number }
  /** What happened without a command of its own: refusals at a door, and what operators did. */
  | { readonly kind: "record-audit"; readonly records: readonly AuditRecord[] }
  | { readonly kind: "sign-audit"; readonly checkpoint: AuditCheckpoint }
  /** Forgets entries up to one that a signature covers, as many as one command can. */
  | { readonly kind: "prune-audit"; readonly upTo: number }
  /** Of a newer version than this program: only decoding makes it, and applying it stops the replica. */
  | { readonly kind: "unknown" };

export type OperationKind = Operation["kind"];

/** What goes through the log. */
export interface Command {
  readonly caller: Caller;
  /** Empty only for commands of the system. Same id, same fingerprint: the first answer. */
  readonly requestId: string;
  /** SHA-256 in hex of the client's canonical request. */
  readonly fingerprint: string;
  /** Address of the client, for the audit trail. */
  readonly origin?: string;
  readonly operation: Operation;
}
