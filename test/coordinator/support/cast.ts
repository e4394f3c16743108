import { AuthService } from "../../../gen/cabildo/v1/auth_pb.js";
import { CalendarService } from "../../../gen/cabildo/v1/calendars_pb.js";
import { EventService } from "../../../gen/cabildo/v1/events_pb.js";
import { GroupKind, GroupService, MemberRole } from "../../../gen/cabildo/v1/groups_pb.js";
import { NotificationService } from "../../../gen/cabildo/v1/notifications_pb.js";
import type { ClusterRole } from "../../../src/domain/index.js";
import type { Membership, Relation } from "../../../src/policy/index.js";
import { BOOTSTRAP, PASSWORD } from "../../gateway/support.js";
import type { GatewayBench } from "../../gateway/support.js";
import type { Objects } from "./methods.js";

/** What somebody is to ana and her calendar, and to the group council and its calendar. */
export interface Part {
  readonly user: string;
  readonly toAna: Relation;
  /** To ana's event, where that is nearer. */
  readonly toEvent?: Relation;
  readonly inCouncil?: Membership;
  /** To the group's calendar. */
  readonly toGroups: Relation;
  readonly roles: readonly ClusterRole[];
}

const outside = { toAna: "stranger", toGroups: "stranger", roles: [] } as const;
/** Of a hierarchical group in which ana is a member too, of the rank that says so. */
const inside = (role: Membership["role"], rank: number, toAna: Relation) =>
  ({
    inCouncil: { role, rank },
    toAna,
    toGroups: role === "leader" || role === "deputy" ? "owner" : "reader",
    roles: [],
  }) as const;
export const ANAS_RANK = 10;
/** Who can be added or invited, and of what rank. */
export const NEWCOMER = "zoe";
export const NEW_RANK = 5;

export const CAST = {
  "the owner": { user: "ana", ...inside("member", ANAS_RANK, "owner") },
  "a reader": { ...outside, user: "rita", toAna: "reader" },
  "an attendee": { ...outside, user: "bob", toEvent: "attendee" },
  "the leader": { user: "lea", ...inside("leader", 100, "superior") },
  "a deputy": { user: "dora", ...inside("deputy", 50, "superior") },
  "a superior": { user: "sara", ...inside("member", 30, "superior") },
  "a member": { user: "max", ...inside("member", ANAS_RANK, "peer") },
  "an observer": { user: "olga", ...inside("observer", 40, "peer") },
  "somebody invited": { ...outside, user: "ivo" },
  "an administrator": { ...outside, user: "root", roles: ["admin"] },
  "a stranger": { ...outside, user: "eve" },
} as const satisfies Readonly<Record<string, Part>>;
export type Who = keyof typeof CAST;
export const EVERYONE = Object.keys(CAST) as readonly Who[];

/** Ana's things and the group's, with an event in ana's calendar, or in the group's. */
export const SCENES = ["ana's calendar", "the group's calendar"] as const;
export type Scene = (typeof SCENES)[number];
export interface Staged {
  readonly tokens: ReadonlyMap<Who, string>;
  readonly objects: Readonly<Record<Scene, Objects>>;
  /** Where a list of the calendar ended. */
  readonly position: Readonly<Record<Scene, string>>;
}

const ROLES = {
  leader: MemberRole.LEADER,
  deputy: MemberRole.DEPUTY,
  member: MemberRole.MEMBER,
  observer: MemberRole.OBSERVER,
};

export async function stage(bench: GatewayBench): Promise<Staged> {
  const tokens = new Map<Who, string>();
  const token = (who: Who): string => tokens.get(who) ?? "";
  const session = await enter(bench, tokens);
  const invitation = await found(bench, token("the leader"));
  const reader = { calendar: "calendars/ana", reader: "users/rita" };
  await bench.call(CalendarService.method.addReader, reader, token("the owner"));
  // Of this ana is told.
  await bench.createEvent(token("a reader"), "rita", { attendees: [{ user: "users/ana" }] });
  const { listNotifications } = NotificationService.method;
  const parent = { parent: "users/ana" };
  const [notice] = (await bench.call(listNotifications, parent, token("the owner"))).notifications;
  const attendees = [{ user: "users/bob" }];
  const anas = await bench.createEvent(token("the owner"), "ana", { attendees });
  const groups = await bench.createEvent(token("a member"), "council.group");
  const shared = {
    user: "ana",
    group: "council",
    session: lastOf(session),
    invitation: lastOf(invitation),
    notification: lastOf(notice?.name),
  };
  const endOf = async (calendar: string): Promise<string> => {
    const list = { parent: `calendars/${calendar}` };
    return (await bench.call(EventService.method.listEvents, list, token("the owner"))).position;
  };
  return {
    tokens,
    objects: {
      "ana's calendar": { ...shared, calendar: "ana", event: lastOf(anas.name) },
      "the group's calendar": { ...shared, calendar: "council.group", event: lastOf(groups.name) },
    },
    position: {
      "ana's calendar": await endOf("ana"),
      "the group's calendar": await endOf("council.group"),
    },
  };
}

/** Registers all and signs them in; the owner's session. */
async function enter(bench: GatewayBench, tokens: Map<Who, string>): Promise<string> {
  const { register, login } = AuthService.method;
  let session = "";
  for (const who of EVERYONE) {
    const credentials = { userId: CAST[who].user, password: PASSWORD };
    const bootstrapCredential = who === "an administrator" ? BOOTSTRAP : "";
    await bench.call(register, { ...credentials, bootstrapCredential });
    const entered = await bench.call(login, credentials);
    tokens.set(who, entered.accessToken);
    if (who === "the owner") session = entered.session;
  }
  await bench.person(NEWCOMER);
  return session;
}

/** The group with its members, and an invitation to it. */
async function found(bench: GatewayBench, leader: string): Promise<string> {
  const { createGroup, addMember, createInvitation } = GroupService.method;
  const group = { kind: GroupKind.HIERARCHICAL };
  await bench.call(createGroup, { groupId: "council", group }, leader);
  const parent = "groups/council";
  for (const who of EVERYONE) {
    const { user, inCouncil }: Part = CAST[who];
    if (inCouncil === undefined || inCouncil.role === "leader") continue;
    const member = { user: `users/${user}`, role: ROLES[inCouncil.role], rank: inCouncil.rank };
    await bench.call(addMember, { parent, member }, leader);
  }
  const invitation = { invitee: "users/ivo", rank: NEW_RANK };
  return (await bench.call(createInvitation, { parent, invitation }, leader)).name;
}

const lastOf = (name = ""): string => name.split("/").at(-1) ?? "";
