import { assert } from "../base/index.js";
import type { RangeMap } from "../placement/index.js";
import type {
  Calendar,
  AuditCheckpoint,
  AuditEntry,
  AuditHead,
  CalendarEvent,
  ChainedAuditEntry,
  ClusterKeys,
  CommandReply,
  Credentials,
  Delivery,
  Group,
  Invitation,
  Member,
  Notification,
  Occurrences,
  Session,
  Subscriptions,
  User,
  Visibility,
} from "../domain/index.js";
import type { KeyRange, RowCodec, StateKey } from "./types.js";

/** Digits of a time in a key: milliseconds since year 1, so that string order is time order. */
const TIME_DIGITS = 15;
/** Digits of a number in a key, so that string order is the order of numbers. */
const NUMBER_DIGITS = 16;
/** 0001-01-01T00:00:00Z, the first time of a google.protobuf.Timestamp. */
export const TIME_MIN_MS = -62_135_596_800_000;
/** Past 9999-12-31T23:59:59.999Z, the last one. */
export const TIME_END_MS = 253_402_300_800_000;

/** Where keys alone say it all. */
export const MARK: Uint8Array = Uint8Array.of(1);

export interface EmailOwnerRow {
  readonly user: string;
}

export interface BootstrapUseRow {
  readonly user: string;
  readonly hash: string;
  readonly timeMs: number;
}

/** Failures to log in that count together. */
export interface LoginFailuresRow {
  readonly count: number;
  /** When they are forgotten. */
  readonly expireMs: number;
}

export interface ResetCodeRow {
  readonly user: string;
  readonly hash: string;
  readonly expireMs: number;
}

export interface MemberCountRow {
  readonly members: number;
}

/** Where a calendar has ever had events: nothing else is looked at. */
export interface CalendarIndexRow {
  /** Classes of length, those of occurrences with an `o` before. */
  readonly classes: readonly string[];
  /** Of a user's primary calendar, the keys of the user's further ones. */
  readonly further: readonly string[];
}

/** Since when somebody may read a calendar. */
export interface ReadGrantRow {
  /** Sequence with which that began. */
  readonly since: number;
}

/** How the events in a user's calendars are seen that say nothing of their own. */
export interface VisibilityDefaultRow {
  readonly visibility: Visibility;
  /** Sequence from which on readers see them as they do; 0 where that is how they always did. */
  readonly since: number;
}

export interface OpenInvitationRow {
  readonly invitation: string;
  readonly expireMs: number;
}

/** What belongs to an event that repeats, beside the event itself. */
export interface SeriesRow {
  /** Those without the excepted ones are the event's rows in the index of occurrences, unless it is deleted. */
  readonly occurrences: Occurrences;
  /** Starts of instances that have a row of their own, or had one: in order. */
  readonly exceptedMs: readonly number[];
}

export interface OccurrenceRow {
  readonly endMs: number;
}

export interface OutboxRow {
  readonly timeMs: number;
  readonly delivery: Delivery;
}

/** Of all that goes to one shard: the last number given, and the last that was taken there. */
export interface OutboxLaneRow {
  readonly last: number;
  readonly done: number;
}

export interface InboxRow {
  /** The last number taken. */
  readonly last: number;
}

export interface RequestOutcomeRow {
  readonly fingerprint: string;
  readonly reply: CommandReply;
}

/** What the remembered outcomes take, keys and expiry rows included. */
export interface RequestUsageRow {
  /** Of request ids that tell their time. */
  readonly timedBytes: number;
  /** Of the others. */
  readonly opaqueBytes: number;
  /** Outcomes of ids from before this time were forgotten early. */
  readonly floorMs: number;
}

/**
 * Entry of an expiry queue. What follows the time in its key, after the queue's target prefix, is
 * the key that goes.
 */
export interface ExpiryRow {
  /** Further keys that go with it. */
  readonly keys: readonly StateKey[];
  /** What that frees of the queue's part of `RequestUsageRow`. */
  readonly bytes: number;
}

/**
 * First key that each expiry queue can still hold, in the order of `EXPIRY_QUEUES`: a scan never
 * walks over deleted rows.
 */
export interface SweepBoundsRow {
  readonly starts: readonly StateKey[];
}

/**
 * Port: one codec a row kind. Each row carries its version; one that is not known stops the
 * replica.
 */
export interface RowCodecs {
  readonly user: RowCodec<User>;
  readonly credentials: RowCodec<Credentials>;
  readonly session: RowCodec<Session>;
  readonly group: RowCodec<Group>;
  readonly member: RowCodec<Member>;
  readonly event: RowCodec<CalendarEvent>;
  readonly calendar: RowCodec<Calendar>;
  readonly calendarIndex: RowCodec<CalendarIndexRow>;
  readonly readGrant: RowCodec<ReadGrantRow>;
  readonly clusterKeys: RowCodec<ClusterKeys>;
  readonly rangeMap: RowCodec<RangeMap>;
  readonly emailOwner: RowCodec<EmailOwnerRow>;
  readonly bootstrapUse: RowCodec<BootstrapUseRow>;
  readonly memberCount: RowCodec<MemberCountRow>;
  readonly visibilityDefault: RowCodec<VisibilityDefaultRow>;
  readonly outboxRow: RowCodec<OutboxRow>;
  readonly outboxLane: RowCodec<OutboxLaneRow>;
  readonly inbox: RowCodec<InboxRow>;
  readonly invitation: RowCodec<Invitation>;
  readonly openInvitation: RowCodec<OpenInvitationRow>;
  readonly notification: RowCodec<Notification>;
  readonly subscriptions: RowCodec<Subscriptions>;
  readonly series: RowCodec<SeriesRow>;
  readonly occurrence: RowCodec<OccurrenceRow>;
  readonly requestOutcome: RowCodec<RequestOutcomeRow>;
  readonly requestUsage: RowCodec<RequestUsageRow>;
  readonly expiry: RowCodec<ExpiryRow>;
  readonly sweepBounds: RowCodec<SweepBoundsRow>;
  readonly loginFailures: RowCodec<LoginFailuresRow>;
  readonly resetCode: RowCodec<ResetCodeRow>;
  /** No row, but what the chain of the audit is made of. */
  readonly auditEntry: RowCodec<AuditEntry>;
  readonly audit: RowCodec<ChainedAuditEntry>;
  readonly auditHead: RowCodec<AuditHead>;
  readonly auditCheckpoint: RowCodec<AuditCheckpoint>;
}

/**
 * Key layout. Components are joined by `/`, which none of them holds but the last. All are ASCII:
 * callers check ids before they make a key. Those of the events' indexes are in `event-times.ts`.
 *
 *   us/{user}                       User
 *   uc/{user}                       Credentials
 *   um/{email, folded}              EmailOwner
 *   ub                              BootstrapUse
 *   up/{purge}/{user}               Expiry of a deleted user
 *   ut/{user}                       that an id was given: it stays when its user is purged
 *   ss/{user}/{session}             Session
 *   sx/{expire}/{user}/{session}    Expiry of a session
 *   tl/{user}/{address}             LoginFailures of one user from one address
 *   td/{address}                    LoginFailures of all users from one address
 *   tx/{expire}/{user}/{address}    Expiry of the former
 *   ty/{expire}/{address}           Expiry of the latter
 *   uv/{user}                       ResetCode
 *   ul/{user}                       Subscriptions
 *   ck                              ClusterKeys
 *   gr/{group}                      Group
 *   gc/{group}                      MemberCount
 *   gm/{group}/{user}               Member
 *   gu/{user}/{group}               that a user is a member
 *   gk/{parent}/{group}             that a group is below another
 *   gi/{group}/{invitation}         Invitation
 *   gv/{group}/{invitee}            OpenInvitation
 *   gx/{purge}/{group}/{invitation}  Expiry of an invitation
 *   gp/{purge}/{group}              Expiry of a deleted group
 *   gq/{purge}/{group}/{user}       Expiry of its member
 *   gt/{group}                      that an id was given: it stays when its group is purged
 *   ca/{calendar}                   Calendar of which something was said
 *   cr/{user}/{calendar}            that a user may read a calendar
 *   cg/{reader}/{calendar}          ReadGrant of a reader
 *   cp/{calendar}                   ReadGrant of everyone
 *   ci/{calendar}                   CalendarIndex
 *   cv/{user}                       VisibilityDefault of the user's calendars
 *   ev/{calendar}/{event}           CalendarEvent
 *   es/{calendar}/{length}/{start}/{event}  the same bytes by start, in a class of length
 *   ed/{calendar}/{length}/{start}/{event}  the same for deleted events
 *   es/{calendar}/r/{start}/{event}  the same for an event that repeats, by its first start; ed likewise
 *   ep/{purge}/{calendar}/{event}   Expiry of a deleted event
 *   er/{calendar}/{event}           Series of an event that repeats
 *   eo/{calendar}/{length}/{start}/{event}  Occurrence of an event that repeats
 *   rm/{time}/{calendar}/{event}    an event's next reminder is due then, if it still is
 *   nt/{user}/{notification}        Notification
 *   nu/{user}/{notification}        the same while it is unread
 *   nx/{expire}/{user}/{notification}  Expiry of a notification
 *   eh/{time}/{calendar}/{event}    empty: a series is to be extended then, if it still is to
 *   ge/{group}/{end}/{calendar}/{event}  that an event of a group stands, here, until then
 *   rq/{principal}/{request id}     RequestOutcome
 *   rx/{expire}/{principal}/{request id}  Expiry of an outcome whose request id tells its time
 *   ry/{expire}/{principal}/{request id}  the same of any other request id
 *   ru                              RequestUsage
 *   sw                              SweepBounds
 *   ob/{target}/{number}            OutboxRow
 *   oc/{target}                     OutboxLane
 *   oi/{source}/{epoch}             Inbox
 *   au/{number}                     ChainedAuditEntry
 *   ah                              AuditHead
 *   ac/{number}                     AuditCheckpoint
 */
export const KEYS = {
  user: (user: string): StateKey => `us/${user}`,
  credentials: (user: string): StateKey => `uc/${user}`,
  emailOwner: (foldedEmail: string): StateKey => `um/${foldedEmail}`,
  bootstrapUse: "ub",
  userPurge: (purgeMs: number, user: string): StateKey => `up/${timeKey(purgeMs)}/${user}`,
  takenUser: (user: string): StateKey => `ut/${user}`,
  session: (user: string, session: string): StateKey => `ss/${user}/${session}`,
  sessionExpiry: (expireMs: number, user: string, session: string): StateKey =>
    `sx/${timeKey(expireMs)}/${user}/${session}`,
  clusterKeys: "ck",
  rangeMap: "cr",
  loginFailures: (user: string, address: string): StateKey => `tl/${user}/${address}`,
  loginFailuresExpiry: (expireMs: number, user: string, address: string): StateKey =>
    `tx/${timeKey(expireMs)}/${user}/${address}`,
  addressFailures: (address: string): StateKey => `td/${address}`,
  addressFailuresExpiry: (expireMs: number, address: string): StateKey =>
    `ty/${timeKey(expireMs)}/${address}`,
  resetCode: (user: string): StateKey => `uv/${user}`,
  subscriptions: (user: string): StateKey => `ul/${user}`,
  group: (group: string): StateKey => `gr/${group}`,
  memberCount: (group: string): StateKey => `gc/${group}`,
  member: (group: string, user: string): StateKey => `gm/${group}/${user}`,
  memberGroup: (user: string, group: string): StateKey => `gu/${user}/${group}`,
  memberPurge: (purgeMs: number, group: string, user: string): StateKey =>
    `gq/${timeKey(purgeMs)}/${group}/${user}`,
  subgroup: (parent: string, group: string): StateKey => `gk/${parent}/${group}`,
  groupPurge: (purgeMs: number, group: string): StateKey => `gp/${timeKey(purgeMs)}/${group}`,
  takenGroup: (group: string): StateKey => `gt/${group}`,
  invitation: (group: string, invitation: string): StateKey => `gi/${group}/${invitation}`,
  openInvitation: (group: string, invitee: string): StateKey => `gv/${group}/${invitee}`,
  invitationPurge: (purgeMs: number, group: string, invitation: string): StateKey =>
    `gx/${timeKey(purgeMs)}/${group}/${invitation}`,
  calendar: (calendar: string): StateKey => `ca/${calendar}`,
  visibilityDefault: (user: string): StateKey => `cv/${user}`,
  calendarIndex: (calendar: string): StateKey => `ci/${calendar}`,
  readCalendar: (reader: string, calendar: string): StateKey => `cr/${reader}/${calendar}`,
  readGrant: (reader: string, calendar: string): StateKey => `cg/${reader}/${calendar}`,
  publicGrant: (calendar: string): StateKey => `cp/${calendar}`,
  event: (calendar: string, event: string): StateKey => `ev/${calendar}/${event}`,
  eventPurge: (purgeMs: number, calendar: string, event: string): StateKey =>
    `ep/${timeKey(purgeMs)}/${calendar}/${event}`,
  reminder: (dueMs: number, calendar: string, event: string): StateKey =>
    `rm/${timeKey(dueMs)}/${calendar}/${event}`,
  notification: (user: string, notification: string): StateKey => `nt/${user}/${notification}`,
  unread: (user: string, notification: string): StateKey => `nu/${user}/${notification}`,
  notificationExpiry: (expireMs: number, user: string, notification: string): StateKey =>
    `nx/${timeKey(expireMs)}/${user}/${notification}`,
  series: (calendar: string, event: string): StateKey => `er/${calendar}/${event}`,
  seriesEnd: (timeMs: number, calendar: string, event: string): StateKey =>
    `eh/${timeKey(timeMs)}/${calendar}/${event}`,
  request: (principal: string, requestId: string): StateKey => `rq/${principal}/${requestId}`,
  timedRequestExpiry: (expireMs: number, principal: string, requestId: string): StateKey =>
    `rx/${timeKey(expireMs)}/${principal}/${requestId}`,
  opaqueRequestExpiry: (expireMs: number, principal: string, requestId: string): StateKey =>
    `ry/${timeKey(expireMs)}/${principal}/${requestId}`,
  requestUsage: "ru",
  sweepBounds: "sw",
  outboxRow: (target: number, number: number): StateKey => `ob/${target}/${numberKey(number)}`,
  outboxLane: (target: number): StateKey => `oc/${target}`,
  inbox: (source: number, epoch: number): StateKey => `oi/${source}/${epoch}`,
  audit: (number: number): StateKey => `au/${numberKey(number)}`,
  auditHead: "ah",
  auditCheckpoint: (number: number): StateKey => `ac/${numberKey(number)}`,
} as const;

/** Queues in order of time, and the prefix of what their entries remove. */
export const EXPIRY_QUEUES = [
  { prefix: "rx", target: "rq" },
  { prefix: "ry", target: "rq" },
  { prefix: "sx", target: "ss" },
  { prefix: "ep", target: "ev" },
  { prefix: "up", target: "us" },
  { prefix: "gp", target: "gr" },
  { prefix: "gq", target: "gm" },
  { prefix: "gx", target: "gi" },
  { prefix: "nx", target: "nt" },
  { prefix: "tx", target: "tl" },
  { prefix: "ty", target: "td" },
] as const;

export type ExpiryQueue = (typeof EXPIRY_QUEUES)[number];

/** The key that an entry of a queue removes. */
export function expiryTarget(queue: ExpiryQueue, entryKey: StateKey): StateKey {
  return `${queue.target}${entryKey.slice(queue.prefix.length + 1 + TIME_DIGITS)}`;
}

export function expiryTimeMs(queue: ExpiryQueue, entryKey: StateKey): number {
  const from = queue.prefix.length + 1;
  return Number(entryKey.slice(from, from + TIME_DIGITS)) + TIME_MIN_MS;
}

export function timeKey(timeMs: number): string {
  assert(timeMs >= TIME_MIN_MS && timeMs <= TIME_END_MS, `time ${timeMs} out of range`);
  return String(timeMs - TIME_MIN_MS).padStart(TIME_DIGITS, "0");
}

function numberKey(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, "0");
}

/** All keys that begin with `{prefix}/`: `0` is the character after `/`. */
export function prefixRange(prefix: string, limit: number): KeyRange {
  return { start: `${prefix}/`, end: `${prefix}0`, limit };
}

/** The least key that is greater. */
export function keyAfter(key: StateKey): StateKey {
  return `${key}\0`;
}
