import {
  EventState,
  Response,
  Transparency,
  Visibility,
} from "../../../gen/cabildo/v1/events_pb.js";
import { GroupKind, InvitationState, MemberRole } from "../../../gen/cabildo/v1/groups_pb.js";
import { ChangeKind } from "../../../gen/cabildo/v1/sync_pb.js";
import { UserState } from "../../../gen/cabildo/v1/users_pb.js";
import type * as domain from "../../domain/index.js";

/** A word of the domain beside its number in a public message. */
export interface EnumMapping<Word extends string, Number extends number> {
  toPublic(word: Word): Number;
  /** Undefined for unspecified, and for numbers of a newer version. */
  fromPublic(value: number): Word | undefined;
}

export function mapping<Word extends string, Number extends number>(
  table: Readonly<Record<Word, Number>>,
): EnumMapping<Word, Number> {
  const words = new Map<number, Word>();
  for (const word of Object.keys(table) as Word[]) words.set(table[word], word);
  return { toPublic: (word) => table[word], fromPublic: (value) => words.get(value) };
}

export const VISIBILITY = mapping<domain.Visibility, Visibility>({
  default: Visibility.DEFAULT,
  public: Visibility.PUBLIC,
  private: Visibility.PRIVATE,
  "busy-only": Visibility.BUSY_ONLY,
});

export const TRANSPARENCY = mapping<domain.Transparency, Transparency>({
  opaque: Transparency.OPAQUE,
  transparent: Transparency.TRANSPARENT,
});

export const EVENT_STATE = mapping<domain.EventState, EventState>({
  pending: EventState.PENDING,
  confirmed: EventState.CONFIRMED,
  rejected: EventState.REJECTED,
  cancelled: EventState.CANCELLED,
});

export const RESPONSE = mapping<domain.Response, Response>({
  "needs-action": Response.NEEDS_ACTION,
  accepted: Response.ACCEPTED,
  declined: Response.DECLINED,
  tentative: Response.TENTATIVE,
  "auto-accepted": Response.AUTO_ACCEPTED,
});

export const GROUP_KIND = mapping<domain.GroupKind, GroupKind>({
  hierarchical: GroupKind.HIERARCHICAL,
  peer: GroupKind.PEER,
});

export const MEMBER_ROLE = mapping<domain.MemberRole, MemberRole>({
  leader: MemberRole.LEADER,
  deputy: MemberRole.DEPUTY,
  member: MemberRole.MEMBER,
  observer: MemberRole.OBSERVER,
});

export const INVITATION_STATE = mapping<domain.InvitationState, InvitationState>({
  pending: InvitationState.PENDING,
  accepted: InvitationState.ACCEPTED,
  declined: InvitationState.DECLINED,
  revoked: InvitationState.REVOKED,
});

export const USER_STATE = mapping<domain.User["state"], UserState>({
  active: UserState.ACTIVE,
  disabled: UserState.DISABLED,
});

export const PUBLIC_CHANGE_KIND = mapping<domain.ChangeKind, ChangeKind>({
  created: ChangeKind.CREATED,
  updated: ChangeKind.UPDATED,
  deleted: ChangeKind.DELETED,
});
