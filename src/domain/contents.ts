import type {
  ConflictPolicy,
  EventSpan,
  Invitee,
  Label,
  Occurrences,
  Transparency,
  Visibility,
  WorkingHours,
} from "./resources.js";

/** The fields of an event that a person writes, but for who is invited. */
export interface EventBody {
  readonly title: string;
  readonly description: string;
  readonly location: string;
  readonly span: EventSpan;
  readonly visibility: Visibility;
  readonly transparency: Transparency;
  readonly labels: readonly Label[];
  readonly reminderMinutes: readonly number[];
  /** RRULE, RDATE and EXDATE (RFC 5545, 3.8.5); empty for an event that happens once. */
  readonly recurrence: readonly string[];
}

export interface EventContent extends EventBody {
  /** Of a group's event those of its members who are; empty for all of them. */
  readonly invitees: readonly Invitee[];
}

export type EventField = keyof EventContent;

/** What an event says of itself, whenever it repeats and whoever is invited. */
export const DETAIL_FIELDS = [
  "title",
  "description",
  "location",
  "span",
  "visibility",
  "transparency",
  "labels",
  "reminderMinutes",
] as const satisfies readonly EventField[];

export const EVENT_FIELDS: readonly EventField[] = [...DETAIL_FIELDS, "recurrence", "invitees"];

export interface NewEvent {
  readonly event: string;
  readonly content: EventContent;
  /** Whose members are invited. */
  readonly group?: string;
  /** Of an event that repeats: worked out before the proposal, for the log must not ask the tz database. */
  readonly occurrences?: Occurrences;
  /** What other calendars know it by, where that does not follow from the id. */
  readonly icalUid?: string;
}

/** The fields of a calendar that its owner writes. */
export interface CalendarContent {
  readonly displayName: string;
  readonly timeZone: string;
  readonly conflictPolicy: ConflictPolicy;
  readonly public: boolean;
}

export type CalendarField = keyof CalendarContent;

/** The fields of a user that the user writes. */
export interface UserContent {
  readonly displayName: string;
  readonly email: string;
  readonly timeZone: string;
  readonly defaultVisibility: Visibility;
  readonly workingHours: readonly WorkingHours[];
}

export type UserField = keyof UserContent;

export type GroupField = "displayName" | "parent";
export type MemberField = "role" | "rank";
