import type { ClusterRole } from "./caller.js";

/** Times are milliseconds since 1970 UTC; revisions are the feed sequence of the change that wrote the resource. */
export interface User {
  readonly id: string;
  readonly uid: string;
  readonly displayName: string;
  readonly email: string;
  readonly timeZone: string;
  readonly state: "active" | "disabled";
  readonly clusterRoles: readonly ClusterRole[];
  /** Of the user's events that say nothing of their own. */
  readonly defaultVisibility: Visibility;
  /** In the user's time zone, in order of weekday and start. */
  readonly workingHours: readonly WorkingHours[];
  readonly createTimeMs: number;
  readonly updateTimeMs: number;
  /** 0 unless deleted. */
  readonly deleteTimeMs: number;
  readonly purgeTimeMs: number;
  readonly revision: number;
}

/** One stretch of a weekday; minutes since midnight, the end exclusive. */
export interface WorkingHours {
  /** 1 is Monday, 7 is Sunday. */
  readonly weekday: number;
  readonly startMinute: number;
  readonly endMinute: number;
}

/** What a login is checked against. Apart from User, so that no read of a user can show it. */
export interface Credentials {
  readonly user: string;
  /** PHC string of Argon2id. */
  readonly passwordHash: string;
}

export interface Session {
  readonly user: string;
  readonly id: string;
  readonly client: string;
  /** SHA-256 in hex of the refresh token that is valid. */
  readonly refreshHash: string;
  /** The one before, still taken until `previousUntilMs` in case the answer was lost. Empty if none. */
  readonly previousHash: string;
  readonly previousUntilMs: number;
  readonly createTimeMs: number;
  readonly lastUseTimeMs: number;
  readonly expireTimeMs: number;
  /** 0 while the session stands. */
  readonly revokeTimeMs: number;
}

export type GroupKind = "hierarchical" | "peer";

export interface Group {
  readonly id: string;
  readonly uid: string;
  readonly displayName: string;
  readonly kind: GroupKind;
  /** Id of the group whose members are members here too; empty for none. */
  readonly parent: string;
  readonly createTimeMs: number;
  readonly updateTimeMs: number;
  /** 0 unless deleted. */
  readonly deleteTimeMs: number;
  readonly purgeTimeMs: number;
  readonly revision: number;
}

export type MemberRole = "leader" | "deputy" | "member" | "observer";

export interface Member {
  readonly group: string;
  readonly user: string;
  readonly role: MemberRole;
  readonly rank: number;
  readonly createTimeMs: number;
  readonly revision: number;
  /** Sequence with which this membership began: what is committed before it is not for this member. */
  readonly joinRevision: number;
}

/** Expired is what is pending past its time: no row says so. */
export type InvitationState = "pending" | "accepted" | "declined" | "revoked";

export interface Invitation {
  readonly group: string;
  readonly id: string;
  readonly invitee: string;
  readonly inviter: string;
  readonly role: MemberRole;
  readonly rank: number;
  readonly state: InvitationState;
  readonly createTimeMs: number;
  readonly expireTimeMs: number;
  readonly revision: number;
}

export interface CalendarDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

export type EventSpan =
  | {
      readonly kind: "timed";
      readonly startMs: number;
      readonly endMs: number;
      readonly timeZone: string;
    }
  | { readonly kind: "all-day"; readonly start: CalendarDate; readonly end: CalendarDate };

/** When an event that repeats does, as far as it was worked out. */
export interface Occurrences {
  /** In order. */
  readonly startsMs: readonly number[];
  /** All that start before this are among them; 0 if there are no others at all. */
  readonly untilMs: number;
}

export type EventState = "pending" | "confirmed" | "rejected" | "cancelled";
export type Visibility = "default" | "public" | "private" | "busy-only";
export type Transparency = "opaque" | "transparent";

export type Response = "needs-action" | "accepted" | "declined" | "tentative" | "auto-accepted";

/** Whom the organiser invites. */
export interface Invitee {
  readonly user: string;
  readonly optional: boolean;
}

/** Who is invited, and what they said. */
export interface Attendee extends Invitee {
  /** Auto-accepted is what a superior imposed. */
  readonly response: Response;
  readonly comment: string;
  /** 0 while they have said nothing. */
  readonly respondTimeMs: number;
}

/**
 * Who decides whether an event stands: its organiser, a superior of some of those invited, or all who have to come.
 */
export type DecisionRule = "organizer" | "superior" | "unanimous";

export interface Label {
  readonly key: string;
  readonly value: string;
}

/** An event as its calendar's shard keeps it. */
export interface CalendarEvent {
  /** Calendar key: `ana`, `ana.work`, `choir.group`. */
  readonly calendar: string;
  /** `e` and a lower-case ULID; for an instance of an event that repeats followed by `_20261201t130000z`. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly location: string;
  /** User id. */
  readonly organizer: string;
  /** In order of user. */
  readonly attendees: readonly Attendee[];
  /** Id of the group whose members were invited; empty for none. */
  readonly group: string;
  readonly rule: DecisionRule;
  /** Of a copy in the calendar of someone invited: the calendar of the event itself; empty for that one. */
  readonly source: string;
  /** What other calendars know it by (RFC 5545 UID), where that was told; empty where it follows from the id. */
  readonly icalUid: string;
  readonly span: EventSpan;
  readonly visibility: Visibility;
  readonly transparency: Transparency;
  readonly state: EventState;
  /** In order of key. */
  readonly labels: readonly Label[];
  readonly reminderMinutes: readonly number[];
  /** Lines of RFC 5545; empty for an event that happens once, and for an instance. */
  readonly recurrence: readonly string[];
  /** Id of the event that this is an instance of; empty for an event of its own. */
  readonly recurringEvent: string;
  /** When the instance would have started, had nobody moved it; 0 for an event of its own. */
  readonly originalStartMs: number;
  /** Raised by each change of the span (RFC 5545 SEQUENCE). */
  readonly sequence: number;
  readonly createTimeMs: number;
  readonly updateTimeMs: number;
  /** 0 unless deleted. */
  readonly deleteTimeMs: number;
  readonly purgeTimeMs: number;
  readonly revision: number;
}

/** What of an overlap: it is reported, or what would make it is refused. */
export type ConflictPolicy = "allow" | "reject";

export interface Calendar {
  /** `ana`, `ana.work`, `choir.group`. */
  readonly key: string;
  readonly displayName: string;
  readonly timeZone: string;
  readonly conflictPolicy: ConflictPolicy;
  /** Every user may read, as a reader may. */
  readonly public: boolean;
  /** User ids, in order. */
  readonly readers: readonly string[];
  readonly createTimeMs: number;
  readonly updateTimeMs: number;
  /** 0 unless deleted. */
  readonly deleteTimeMs: number;
  /** 0 for one of which nothing was ever said. */
  readonly revision: number;
}

/** The live channels that a user chose: every user has it, empty at first. */
export interface Subscriptions {
  readonly user: string;
  /** In the order of choice, each once. */
  readonly channels: readonly string[];
  readonly updateTimeMs: number;
  /** 0 before the first choice. */
  readonly revision: number;
}

/** What a user was told. */
export interface Notification {
  readonly user: string;
  /** In order of time. */
  readonly id: string;
  /** Such as `reminder`. */
  readonly type: string;
  /** Name of the resource that it is about. */
  readonly subject: string;
  readonly text: string;
  readonly createTimeMs: number;
  /** 0 while it is unread. */
  readonly readTimeMs: number;
}

/** Keys of the cluster, made once and shared by all coordinators and fan-outs. */
export interface ClusterKeys {
  /** Signs access tokens. */
  readonly current: SigningKey;
  /** Published before it signs. */
  readonly next: SigningKey;
  /** What it signed holds until it ends. */
  readonly previous?: SigningKey;
  /** Signs the checkpoints of the audit trails. */
  readonly audit: SigningKey;
  /** HMAC key of positions, base64url. */
  readonly positionKey: string;
  readonly positionKeyId: number;
}

export interface SigningKey {
  readonly id: string;
  /** Private JWK (Ed25519) as JSON text. */
  readonly jwk: string;
  /** Log time since which it has its place. */
  readonly sinceMs: number;
}
