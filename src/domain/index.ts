/** The types of the agenda. No behaviour: rules are in `machine` and `policy`, encodings in `wire`. */
export type * from "./audit.js";
export type { Caller, ClusterRole } from "./caller.js";
export type * from "./resources.js";
export type { Command, Operation, OperationKind, UserAct } from "./commands.js";
export type {
  CalendarContent,
  CalendarField,
  EventBody,
  EventContent,
  EventField,
  GroupField,
  MemberField,
  NewEvent,
  UserContent,
  UserField,
} from "./contents.js";
export { DETAIL_FIELDS, EVENT_FIELDS } from "./contents.js";
export type { CommandReply, Resource } from "./replies.js";
export type {
  Answer,
  BusySpan,
  CalendarBusy,
  Conflict,
  EventCondition,
  OutboxPage,
  Query,
  QueryReply,
  Question,
  SeriesEnd,
  StateQuestion,
  TryCommands,
} from "./queries.js";
export type { Delivery, OutboxEntry } from "./deliveries.js";
export type { Change, ChangeKind, ToReaders } from "./changes.js";
