import { GroupService } from "../../../gen/cabildo/v1/groups_pb.js";
import type { AddMemberRequest, CreateGroupRequest } from "../../../gen/cabildo/v1/groups_pb.js";
import { ClusterError } from "../../base/index.js";
import type { Group, Member } from "../../domain/index.js";
import { decide } from "../../policy/index.js";
import type { Membership } from "../../policy/index.js";
import { GROUP_KIND, groupToPublic, MEMBER_ROLE, memberToPublic } from "../../wire/index.js";
import { notFound, notYet, refused } from "../faults.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseGroup, parseUser } from "../names.js";
import { Pages } from "../page-tokens.js";
import { positionsOf } from "../positions.js";
import { SYSTEM } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";

const PAGE_SIZE_DEFAULT = 50;
const { method } = GroupService;

export function groupHandlers(context: ServiceContext): readonly Handler[] {
  return [
    unary(method.createGroup, (call, request) => createGroup(context, call, request)),
    unary(method.getGroup, async ({ caller, shards }, request) => {
      const group = parseGroup(request.name, "name");
      const after = positionsOf(context.positions, request.position);
      const shard = shards.of("groups", group);
      const { answer } = await shards.read(shard, caller, { kind: "get-group", group }, after);
      return groupToPublic(answer.group);
    }),
    unary(method.addMember, (call, request) => addMember(call, request)),
    unary(method.listMembers, async ({ caller, shards }, request) => {
      const group = parseGroup(request.parent, "parent");
      const tokens = context.positionTokens();
      const pages = new Pages(tokens, context.positions, caller, method.listMembers, request);
      const { after, first } = pages.place;
      const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
      const { answer, position } = await shards.read(
        shards.of("groups", group),
        caller,
        { kind: "list-members", group, pageSize, after },
        pages.notBefore,
      );
      const from = first ?? position;
      return {
        members: answer.members.map(memberToPublic),
        nextPageToken: pages.token(answer.next, from),
        position: context.encode(from),
      };
    }),
  ];
}

async function createGroup(context: ServiceContext, call: Call, request: CreateGroupRequest) {
  const { groupId: id, group: wanted } = request;
  const shard = call.shards.of("groups", id);
  if ((wanted?.parentGroup ?? "") !== "") throw notYet("group.parent_group");
  const groupKind = GROUP_KIND.fromPublic(wanted?.kind ?? 0) ?? "peer";
  const displayName = wanted?.displayName ?? "";
  if (request.validateOnly) {
    if (await exists(call, id)) throw refused("already-exists", `groups/${id} is taken`);
    return groupToPublic({ ...NO_GROUP, id, displayName, kind: groupKind });
  }
  const { resource } = await call.shards.execute(
    shard,
    call.caller,
    { kind: "create-group", group: id, uid: context.ids.uuid(), displayName, groupKind },
    { method: method.createGroup, request },
  );
  if (resource?.kind === "group") return groupToPublic(resource.group);
  const { answer } = await call.shards.read(shard, call.caller, { kind: "get-group", group: id });
  return groupToPublic(answer.group);
}

const NO_GROUP: Omit<Group, "id" | "displayName" | "kind"> = {
  uid: "",
  createTimeMs: 0,
  updateTimeMs: 0,
  revision: 0,
};

async function addMember(call: Call, request: AddMemberRequest) {
  const group = parseGroup(request.parent, "parent");
  const user = parseUser(request.member?.user ?? "", "member.user");
  const role = MEMBER_ROLE.fromPublic(request.member?.role ?? 0) ?? "member";
  const rank = request.member?.rank ?? 0;
  const shard = call.shards.of("groups", group);
  await requireUserExists(call, user);
  if (request.validateOnly) {
    await requireMayAdd(call, group, rank);
    return memberToPublic({ group, user, role, rank, createTimeMs: 0, revision: 0 });
  }
  const { resource } = await call.shards.execute(
    shard,
    call.caller,
    { kind: "add-member", group, user, role, rank },
    { method: method.addMember, request },
  );
  if (resource?.kind === "member") return memberToPublic(resource.member);
  const question = { kind: "get-member", group, user } as const;
  return memberToPublic((await call.shards.read(shard, call.caller, question)).answer.member);
}

async function requireUserExists({ caller, shards }: Call, user: string): Promise<void> {
  await shards.read(shards.of("users", user), caller, { kind: "get-user", user });
}

async function exists({ shards }: Call, group: string): Promise<boolean> {
  try {
    await shards.read(shards.of("groups", group), SYSTEM, { kind: "get-group", group });
    return true;
  } catch (cause) {
    if (cause instanceof ClusterError && cause.code === "not-found") return false;
    throw cause;
  }
}

/** What the shard would decide, without a write. */
async function requireMayAdd(call: Call, group: string, rank: number): Promise<void> {
  const membership = await findMembership(call, group);
  const decision = decide(call.caller, "member.add", { kind: "group", membership, rank });
  if (decision.kind === "allow") return;
  if (decision.as === "not-found") throw notFound(`groups/${group}`);
  throw refused("permission-denied", "only a leader or deputy of a higher rank adds this member");
}

/** The caller's own; undefined for who is no member, and where there is no such group. */
export async function findMembership(
  { caller, shards }: Pick<Call, "caller" | "shards">,
  group: string,
): Promise<Membership | undefined> {
  if (caller.kind !== "user") return undefined;
  try {
    const question = { kind: "get-member", group, user: caller.user } as const;
    const { answer } = await shards.read(shards.of("groups", group), caller, question);
    const { role, rank }: Member = answer.member;
    return { role, rank };
  } catch (cause) {
    if (cause instanceof ClusterError && cause.code === "not-found") return undefined;
    throw cause;
  }
}
