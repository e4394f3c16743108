import type { ErrorCode } from "../base/index.js";
import type { RangeMap } from "../placement/index.js";
import type { AuditCheckpoint, AuditFilter, AuditHead, ChainedAuditEntry } from "./audit.js";
import type { Caller } from "./caller.js";
import type { Command } from "./commands.js";
import type { OutboxEntry } from "./deliveries.js";
import type { CommandReply } from "./replies.js";
import type {
  Calendar,
  CalendarEvent,
  ClusterKeys,
  Credentials,
  Group,
  Invitation,
  Member,
  Notification,
  Session,
  Subscriptions,
  User,
} from "./resources.js";

/** What a shard can be asked. */
export type Question = StateQuestion | TryCommands;

/** What commands would come to, one after the other. Nothing is written. */
export interface TryCommands {
  readonly kind: "try-commands";
  /** The log time that they would have. */
  readonly nowMs: number;
  readonly commands: readonly Command[];
  /** Asked of the state as they would leave it; its answer is the answer then. */
  readonly then?: StateQuestion;
}

/** What can be asked of a state. */
export type StateQuestion =
  | { readonly kind: "get-user"; readonly user: string }
  /** For a login alone: asked by the gateway as the system. */
  | { readonly kind: "get-credentials"; readonly user: string }
  /** Those of these ids, and the one of this e-mail address; empty for none. */
  | { readonly kind: "find-users"; readonly users: readonly string[]; readonly email: string }
  | {
      readonly kind: "list-sessions";
      readonly user: string;
      readonly pageSize: number;
      /** Session id after which the page begins; empty for the first. */
      readonly after: string;
    }
  | { readonly kind: "get-subscriptions"; readonly user: string }
  | { readonly kind: "get-channel-right"; readonly calendar: string }
  | { readonly kind: "get-session"; readonly user: string; readonly session: string }
  | { readonly kind: "get-cluster-keys" }
  | { readonly kind: "get-range-map" }
  | { readonly kind: "get-login-throttle"; readonly user: string; readonly address: string }
  | {
      readonly kind: "list-outbox";
      readonly target: number;
      /** Number after which the page begins. */
      readonly after: number;
      readonly pageSize: number;
    }
  | {
      readonly kind: "list-audit";
      /** Number after which the page begins. */
      readonly after: number;
      readonly pageSize: number;
      readonly filter: AuditFilter;
    }
  | { readonly kind: "list-audit-checkpoints"; readonly after: number; readonly pageSize: number }
  | { readonly kind: "get-group"; readonly group: string }
  | { readonly kind: "get-member"; readonly group: string; readonly user: string }
  /** The caller's own. */
  | {
      readonly kind: "list-groups";
      readonly pageSize: number;
      /** Group id after which the page begins; empty for the first. */
      readonly after: string;
    }
  | { readonly kind: "get-invitation"; readonly group: string; readonly invitation: string }
  | {
      readonly kind: "list-invitations";
      readonly group: string;
      readonly pageSize: number;
      /** Invitation id after which the page begins; empty for the first. */
      readonly after: string;
    }
  | {
      readonly kind: "list-members";
      readonly group: string;
      readonly pageSize: number;
      /** User id after which the page begins; empty for the first. */
      readonly after: string;
    }
  | { readonly kind: "get-calendar"; readonly calendar: string }
  /** The caller's own, those of the caller's groups and those shared with the caller, as far as this shard knows of them. */
  | { readonly kind: "list-calendars" }
  | {
      readonly kind: "get-event";
      readonly calendar: string;
      readonly event: string;
      /** Where it is said: what else is at the same time is answered too, as far as it is not over by then. */
      readonly conflictsFromMs?: number;
    }
  /** In the order asked for; where one is not there, refused, or left out if that is asked. */
  | {
      readonly kind: "get-events";
      readonly calendar: string;
      readonly events: readonly string[];
      readonly ifThere?: boolean;
    }
  | {
      readonly kind: "list-events";
      /** Of one shard. */
      readonly calendars: readonly string[];
      readonly pageSize: number;
      /** Place after which the page begins, as the last page said; empty for the first. */
      readonly after: string;
      /** Events that end after this; 0 for all. */
      readonly windowStartMs: number;
      /** Events that start before this; 0 for all. */
      readonly windowEndMs: number;
      readonly showDeleted: boolean;
      /** The agenda of people: further calendars of theirs too, and only that others are busy where they say no more. */
      readonly asAgenda: boolean;
      /** Of those that repeat, which instances were deleted: for a copy of the calendar elsewhere. */
      readonly withGone?: boolean;
      readonly conditions: readonly EventCondition[];
    }
  /** Of an event that repeats, the standing ones by start. */
  | {
      readonly kind: "list-instances";
      readonly calendar: string;
      readonly event: string;
      readonly pageSize: number;
      readonly after: string;
      readonly windowStartMs: number;
      readonly windowEndMs: number;
    }
  | {
      readonly kind: "list-notifications";
      readonly user: string;
      readonly pageSize: number;
      /** Id after which the page begins, the newest first; empty for the first. */
      readonly after: string;
      readonly unreadOnly: boolean;
    }
  | {
      readonly kind: "free-busy";
      /** Of one shard. */
      readonly calendars: readonly string[];
      /** A primary calendar stands for its owner: for the further ones too. */
      readonly ofPeople: boolean;
      readonly windowStartMs: number;
      readonly windowEndMs: number;
    }
  /** For the leader: events that repeat whose known occurrences have to be extended by then. */
  | { readonly kind: "list-due-work"; readonly nowMs: number; readonly limit: number };

/** An event that is at the same time as another one. */
export interface Conflict {
  readonly calendar: string;
  readonly event: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What an event must be like to be listed. */
export interface EventCondition {
  readonly field: "state" | "organizer" | "attendee" | "group" | "label";
  /** Of a label; empty for other fields. */
  readonly key: string;
  readonly value: string;
  /** Events that are not so. */
  readonly negated: boolean;
}

/** What waits for one target. */
export interface OutboxPage {
  /** The last number given. */
  readonly last: number;
  /** The last that is known to be taken. */
  readonly done: number;
  readonly entries: readonly OutboxEntry[];
}

export interface Query {
  readonly caller: Caller;
  readonly question: Question;
}

export type Answer =
  | { readonly kind: "user"; readonly user: User }
  | { readonly kind: "credentials"; readonly user: User; readonly credentials: Credentials }
  | { readonly kind: "users"; readonly users: readonly User[] }
  | { readonly kind: "sessions"; readonly sessions: readonly Session[]; readonly next: string }
  | { readonly kind: "session"; readonly session: Session }
  | { readonly kind: "cluster-keys"; readonly keys: ClusterKeys }
  | { readonly kind: "range-map"; readonly map: RangeMap }
  /** Until when no login is heard; 0 if one is. */
  | { readonly kind: "login-throttle"; readonly untilMs: number }
  | { readonly kind: "outbox"; readonly outbox: OutboxPage }
  /** `next` is the number after which the next page begins, 0 at the end. */
  | {
      readonly kind: "audit";
      readonly entries: readonly ChainedAuditEntry[];
      readonly next: number;
      readonly head: AuditHead;
    }
  | {
      readonly kind: "audit-checkpoints";
      readonly checkpoints: readonly AuditCheckpoint[];
      readonly next: number;
    }
  | { readonly kind: "group"; readonly group: Group }
  | { readonly kind: "groups"; readonly groups: readonly Group[]; readonly next: string }
  | { readonly kind: "invitation"; readonly invitation: Invitation }
  | {
      readonly kind: "invitations";
      readonly invitations: readonly Invitation[];
      readonly next: string;
    }
  /** Of the group that was asked about, or inherited from the one that the member names. */
  | { readonly kind: "member"; readonly member: Member }
  | { readonly kind: "members"; readonly members: readonly Member[]; readonly next: string }
  | { readonly kind: "calendar"; readonly calendar: Calendar }
  | { readonly kind: "calendars"; readonly calendars: readonly Calendar[] }
  | {
      readonly kind: "event";
      readonly event: CalendarEvent;
      /** Where it was asked for; none where the calendar is not the caller's. */
      readonly conflicts?: readonly Conflict[];
    }
  | {
      readonly kind: "events";
      readonly events: readonly CalendarEvent[];
      /** Of an agenda: what orders the events of all shards, one for each. */
      readonly places?: readonly string[];
      /** Where it was asked for: starts of deleted instances, one list for each event. */
      readonly gone?: readonly (readonly number[])[];
      readonly next: string;
    }
  | {
      readonly kind: "due-work";
      readonly series: readonly SeriesEnd[];
      /** Whether reminders are due. */
      readonly hasReminders: boolean;
    }
  | { readonly kind: "subscriptions"; readonly subscriptions: Subscriptions }
  /** To hear a calendar's changes. */
  | {
      readonly kind: "channel-right";
      /** All of every event; else what readers see. */
      readonly isOwner: boolean;
      /** Sequence with which it began. */
      readonly since: number;
      /** Where the feed says that it may have changed: what is named there. */
      readonly through: readonly string[];
      /** Not only as one of the calendar's readers. */
      readonly asMember: boolean;
      /** Sequence from which on readers see what they do, for what the owner says of all events; 0: always. */
      readonly seenSince: number;
    }
  | {
      readonly kind: "notifications";
      readonly notifications: readonly Notification[];
      readonly next: string;
    }
  | { readonly kind: "free-busy"; readonly calendars: readonly CalendarBusy[] }
  /** Of the last one, or of the first that is refused. */
  | { readonly kind: "tried"; readonly reply: CommandReply };

/** When somebody is busy: spans in order, apart from each other, within what was asked for. */
export interface CalendarBusy {
  readonly calendar: string;
  readonly spans: readonly BusySpan[];
  /** There is more than could be looked at. */
  readonly isCut: boolean;
  /** The caller may not see when, or there is no such calendar. */
  readonly isHidden: boolean;
}

export interface BusySpan {
  readonly startMs: number;
  readonly endMs: number;
}

/** An event whose occurrences are due to be extended; nothing is left to do where it is gone. */
export interface SeriesEnd {
  readonly calendar: string;
  readonly id: string;
  readonly dueMs: number;
  /** Up to when its occurrences are known; 0 if there are no others. */
  readonly untilMs: number;
  readonly event?: CalendarEvent;
}

export type QueryReply =
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string };
