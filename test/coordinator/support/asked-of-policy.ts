import { getOption } from "@bufbuild/protobuf";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { authorization } from "../../../gen/cabildo/v1/options_pb.js";
import type { Caller } from "../../../src/domain/index.js";
import { calendarOwner, decide, isAction, sightOf } from "../../../src/policy/index.js";
import type { Action, Facts, Sight } from "../../../src/policy/index.js";
import { ANAS_RANK, CAST, NEW_RANK } from "./cast.js";
import type { Part, Scene, Who } from "./cast.js";
import type { Binding } from "./methods.js";

/** Of the event in the group's calendar. */
const { user: ORGANIZER, inCouncil } = CAST["a member"];
const ORGANIZERS_RANK = inCouncil.rank;

type Kind = "calendars" | "groups" | "users" | "shards";

/** What comes of it where it is allowed, for another reason than a right. */
const REFUSED_LATER: Readonly<Record<string, string>> = {
  // Nothing was deleted.
  UndeleteEvent: "FAILED_PRECONDITION",
  UndeleteGroup: "FAILED_PRECONDITION",
  UndeleteUser: "FAILED_PRECONDITION",
  // It goes with its owner.
  DeleteCalendar: "FAILED_PRECONDITION",
  // It does not repeat.
  ListInstances: "FAILED_PRECONDITION",
};
/** A single event may be open to whom its calendar is closed to: what of it is seen, says the table of privacy. */
const ONE_EVENT: ReadonlySet<string> = new Set(["GetEvent", "BatchGetEvents", "RespondEvent"]);
/** An event in a group's calendar is its organiser's, and theirs who may change the organiser's place. */
const EVENT_CHANGES: ReadonlySet<string> = new Set([
  ...["UpdateEvent", "DeleteEvent", "UndeleteEvent", "CancelEvent", "BatchDeleteEvents"],
]);

/** What the table of rights says of a method, where the facts are those of the cast. */
export function codeByPolicy(
  method: DescMethodUnary,
  binding: Binding,
  who: Who,
  scene: Scene,
): string {
  const part: Part = CAST[who];
  const kind = kindOf(binding);
  const action = actionOf(method, part);
  const facts =
    // An answer is written in one's own calendar, by whatever name the event goes.
    action === "event.respond"
      ? ({ kind: "calendar", owner: calendarOwner(part.user) } as const)
      : factsOf(kind, action, part, scene, method.name);
  const code = codeOf(part, action, facts);
  if (code !== "OK") return code;
  const isGroups = scene === "the group's calendar";
  if (ONE_EVENT.has(method.name) && sightByPolicy(who, scene) === "nothing") return "NOT_FOUND";
  if (method.name === "RespondEvent") {
    // Who sees an event and is not asked to it is told so. To the group's, all are who are no observers.
    const isMember = part.inCouncil !== undefined && part.inCouncil.role !== "observer";
    const isAsked = isGroups ? isMember : part.toEvent === "attendee";
    return isAsked ? "OK" : "FAILED_PRECONDITION";
  }
  if (isGroups && EVENT_CHANGES.has(method.name) && part.user !== ORGANIZER) {
    const place = { kind: "group", membership: part.inCouncil, rank: ORGANIZERS_RANK } as const;
    const theirs = codeOf(part, "member.update", place);
    if (theirs !== "OK") return theirs;
  }
  return REFUSED_LATER[method.name] ?? "OK";
}

/** What the table of privacy shows of an event that says nothing of its own. */
export function sightByPolicy(who: Who, scene: Scene): Sight {
  const { toAna, toEvent = toAna, toGroups }: Part = CAST[who];
  return sightOf("default", scene === "ana's calendar" ? toEvent : toGroups);
}

/** Of whoever listens to a channel. */
export function hearsByPolicy(kind: Kind, who: Who, scene: Scene): string {
  const part: Part = CAST[who];
  return codeOf(part, "channel.watch", factsOf(kind, "channel.watch", part, scene, ""));
}

function codeOf({ user, roles }: Part, action: Action, facts: Facts): string {
  const caller: Caller = { kind: "user", user, sessionId: "", roles };
  const decision = decide(caller, action, facts);
  if (decision.kind === "allow") return "OK";
  return decision.as === "not-found" ? "NOT_FOUND" : "PERMISSION_DENIED";
}

function kindOf({ template }: Binding): Kind {
  const kind = (["calendars", "groups", "users", "shards"] as const).find((name) =>
    new RegExp(`[={/]${name}/`, "u").test(template),
  );
  if (kind === undefined) throw new Error(`${template} is about nothing that is known here`);
  return kind;
}

function actionOf(method: DescMethodUnary, { user }: Part): Action {
  // Who goes on from a position hears: as on a stream.
  if (method.name === "SyncEvents") return "channel.watch";
  // The member that is removed is ana.
  if (method.name === "RemoveMember" && user === "ana") return "group.leave";
  const { action } = getOption(method, authorization);
  if (!isAction(action)) throw new Error(`${method.name} has no action`);
  return action;
}

function factsOf(
  kind: Kind,
  action: Action,
  { toAna, toGroups, inCouncil: membership }: Part,
  scene: Scene,
  method: string,
): Facts {
  switch (kind) {
    case "calendars":
      return scene === "ana's calendar"
        ? { kind: "calendar", owner: calendarOwner("ana"), relation: toAna }
        : {
            kind: "calendar",
            owner: calendarOwner("council.group"),
            relation: toGroups,
            membership,
          };
    case "groups":
      if (action === "invitation.answer")
        return { kind: "user", user: CAST["somebody invited"].user };
      return {
        kind: "group",
        membership,
        rank: method === "AddMember" || method === "CreateInvitation" ? NEW_RANK : ANAS_RANK,
      };
    case "users":
      return { kind: "user", user: "ana" };
    case "shards":
      return { kind: "none" };
  }
}
