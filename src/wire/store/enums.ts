import * as commands from "../../../gen/cabildo/store/v1/commands_pb.js";
import * as pb from "../../../gen/cabildo/store/v1/resources_pb.js";
import { assert } from "../../base/index.js";
import type {
  CalendarField,
  ChangeKind,
  ClusterRole,
  ConflictPolicy,
  DecisionRule,
  EventField,
  EventState,
  GroupField,
  GroupKind,
  InvitationState,
  MemberField,
  MemberRole,
  Response,
  ToReaders,
  Transparency,
  User,
  UserAct,
  UserField,
  Visibility,
} from "../../domain/index.js";
import { Malformed } from "./decoding.js";

/** The words of the domain and the numbers of the messages, one to one. */
export interface EnumTable<Word extends string, Value extends number> {
  encode(word: Word): Value;
  /** Throws Malformed for a number without a word. */
  decode(value: number): Word;
}

function table<Word extends string, Value extends number>(
  name: string,
  values: Readonly<Record<Word, Value>>,
): EnumTable<Word, Value> {
  const words = new Map<number, Word>();
  for (const word of Object.keys(values) as Word[]) words.set(values[word], word);
  return {
    encode(word) {
      assert(Object.hasOwn(values, word), `${name} has no ${word}`);
      return values[word];
    },
    decode(value) {
      const word = words.get(value);
      if (word === undefined) throw new Malformed(`${name} has no ${value}`);
      return word;
    },
  };
}

export const USER_STATE = table<User["state"], pb.UserState>("user state", {
  active: pb.UserState.ACTIVE,
  disabled: pb.UserState.DISABLED,
});

export const CLUSTER_ROLE = table<ClusterRole, pb.ClusterRole>("cluster role", {
  admin: pb.ClusterRole.ADMIN,
  operator: pb.ClusterRole.OPERATOR,
  auditor: pb.ClusterRole.AUDITOR,
});

export const GROUP_KIND = table<GroupKind, pb.GroupKind>("group kind", {
  hierarchical: pb.GroupKind.HIERARCHICAL,
  peer: pb.GroupKind.PEER,
});

export const MEMBER_ROLE = table<MemberRole, pb.MemberRole>("member role", {
  leader: pb.MemberRole.LEADER,
  deputy: pb.MemberRole.DEPUTY,
  member: pb.MemberRole.MEMBER,
  observer: pb.MemberRole.OBSERVER,
});

export const EVENT_STATE = table<EventState, pb.EventState>("event state", {
  pending: pb.EventState.PENDING,
  confirmed: pb.EventState.CONFIRMED,
  rejected: pb.EventState.REJECTED,
  cancelled: pb.EventState.CANCELLED,
});

export const VISIBILITY = table<Visibility, pb.Visibility>("visibility", {
  default: pb.Visibility.DEFAULT,
  public: pb.Visibility.PUBLIC,
  private: pb.Visibility.PRIVATE,
  "busy-only": pb.Visibility.BUSY_ONLY,
});

export const TRANSPARENCY = table<Transparency, pb.Transparency>("transparency", {
  opaque: pb.Transparency.OPAQUE,
  transparent: pb.Transparency.TRANSPARENT,
});

export const EVENT_FIELD = table<EventField, commands.EventField>("event field", {
  title: commands.EventField.TITLE,
  description: commands.EventField.DESCRIPTION,
  location: commands.EventField.LOCATION,
  span: commands.EventField.SPAN,
  visibility: commands.EventField.VISIBILITY,
  transparency: commands.EventField.TRANSPARENCY,
  labels: commands.EventField.LABELS,
  reminderMinutes: commands.EventField.REMINDER_MINUTES,
  invitees: commands.EventField.INVITEES,
  recurrence: commands.EventField.RECURRENCE,
});

export const USER_FIELD = table<UserField, commands.UserField>("user field", {
  displayName: commands.UserField.DISPLAY_NAME,
  email: commands.UserField.EMAIL,
  timeZone: commands.UserField.TIME_ZONE,
  defaultVisibility: commands.UserField.DEFAULT_VISIBILITY,
  workingHours: commands.UserField.WORKING_HOURS,
});

export const GROUP_FIELD = table<GroupField, commands.GroupField>("group field", {
  displayName: commands.GroupField.DISPLAY_NAME,
  parent: commands.GroupField.PARENT,
});

export const MEMBER_FIELD = table<MemberField, commands.MemberField>("member field", {
  role: commands.MemberField.ROLE,
  rank: commands.MemberField.RANK,
});

export const INVITATION_STATE = table<InvitationState, pb.InvitationState>("invitation state", {
  pending: pb.InvitationState.PENDING,
  accepted: pb.InvitationState.ACCEPTED,
  declined: pb.InvitationState.DECLINED,
  revoked: pb.InvitationState.REVOKED,
});

export const USER_ACT = table<UserAct, commands.UserAct>("user act", {
  disable: commands.UserAct.DISABLE,
  enable: commands.UserAct.ENABLE,
  delete: commands.UserAct.DELETE,
  undelete: commands.UserAct.UNDELETE,
});

export const CHANGE_KIND = table<ChangeKind, commands.ChangeKind>("change kind", {
  created: commands.ChangeKind.CREATED,
  updated: commands.ChangeKind.UPDATED,
  deleted: commands.ChangeKind.DELETED,
});

export const TO_READERS = table<ToReaders, commands.ToReaders>("what readers see", {
  details: commands.ToReaders.DETAILS,
  "busy-created": commands.ToReaders.BUSY_CREATED,
  "busy-updated": commands.ToReaders.BUSY_UPDATED,
  gone: commands.ToReaders.GONE,
  nothing: commands.ToReaders.NOTHING,
});

export const CONFLICT_POLICY = table<ConflictPolicy, pb.ConflictPolicy>("conflict policy", {
  allow: pb.ConflictPolicy.ALLOW,
  reject: pb.ConflictPolicy.REJECT,
});

export const CALENDAR_FIELD = table<CalendarField, commands.CalendarField>("calendar field", {
  displayName: commands.CalendarField.DISPLAY_NAME,
  timeZone: commands.CalendarField.TIME_ZONE,
  conflictPolicy: commands.CalendarField.CONFLICT_POLICY,
  public: commands.CalendarField.PUBLIC,
});

export const RESPONSE = table<Response, pb.Response>("response", {
  "needs-action": pb.Response.NEEDS_ACTION,
  accepted: pb.Response.ACCEPTED,
  declined: pb.Response.DECLINED,
  tentative: pb.Response.TENTATIVE,
  "auto-accepted": pb.Response.AUTO_ACCEPTED,
});

export const DECISION_RULE = table<DecisionRule, pb.DecisionRule>("decision rule", {
  organizer: pb.DecisionRule.ORGANIZER,
  superior: pb.DecisionRule.SUPERIOR,
  unanimous: pb.DecisionRule.UNANIMOUS,
});
