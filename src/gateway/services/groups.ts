import type { DescMethod } from "@bufbuild/protobuf";
import { GroupService } from "../../../gen/cabildo/v1/groups_pb.js";
import type {
  AddMemberRequest,
  CreateGroupRequest,
  CreateInvitationRequest,
  DeleteGroupRequest,
  Group as PublicGroup,
  Invitation as PublicInvitation,
  Member as PublicMember,
  UpdateGroupRequest,
  UpdateMemberRequest,
} from "../../../gen/cabildo/v1/groups_pb.js";
import { ClusterError } from "../../base/index.js";
import type {
  Group,
  GroupField,
  InvitationState,
  Member,
  MemberField,
  Operation,
} from "../../domain/index.js";
import { decide } from "../../policy/index.js";
import {
  GROUP_KIND,
  groupToPublic,
  invitationToPublic,
  MEMBER_ROLE,
  memberToPublic,
  timestampToMs,
} from "../../wire/index.js";
import { fieldFault, notFound, refused } from "../faults.js";
import { fieldsOfMask } from "../field-mask.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseGroup, parseInvitation, parseMember, parseUser } from "../names.js";
import { Pages } from "../page-tokens.js";
import { positionsOf } from "../positions.js";
import { SYSTEM } from "../shard-calls.js";
import type { Repeatable, Written } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";

const PAGE_SIZE_DEFAULT = 50;
const INVITATION_LIFETIME_MS = 14 * 86_400_000;
const INVITATION_LIFETIME_MS_MAX = 90 * 86_400_000;
const { method } = GroupService;

export function groupHandlers(context: ServiceContext): readonly Handler[] {
  const service = new Groups(context);
  return [
    unary(method.createGroup, (call, request) => service.create(call, request)),
    unary(method.getGroup, async ({ caller, shards }, request) => {
      const group = parseGroup(request.name, "name");
      const after = positionsOf(context.positions, request.position);
      const shard = shards.of("groups", group);
      const { answer } = await shards.read(shard, caller, { kind: "get-group", group }, after);
      return groupToPublic(answer.group);
    }),
    unary(method.listGroups, async (call, request) => {
      const { pages, page } = service.pages(call, method.listGroups, request);
      const shard = call.shards.of("groups", "");
      const question = { kind: "list-groups", ...page } as const;
      const { answer, position } = await call.shards.read(
        shard,
        call.caller,
        question,
        pages.notBefore,
      );
      const from = pages.place.first ?? position;
      return {
        groups: answer.groups.map(groupToPublic),
        nextPageToken: pages.token(answer.next, from),
        position: context.encode(from),
      };
    }),
    unary(method.updateGroup, (call, request) => service.update(call, request)),
    unary(method.deleteGroup, (call, request) => service.delete(call, request)),
    unary(method.undeleteGroup, async (call, request) => {
      const group = parseGroup(request.name, "name");
      const operation = { kind: "set-group-deleted", group, deleted: false, etag: "" } as const;
      return await service.group(call, group, operation, {
        method: method.undeleteGroup,
        request,
      });
    }),
    unary(method.addMember, (call, request) => service.addMember(call, request)),
    unary(method.listMembers, async (call, request) => {
      const group = parseGroup(request.parent, "parent");
      const { pages, page } = service.pages(call, method.listMembers, request);
      const { answer, position } = await call.shards.read(
        call.shards.of("groups", group),
        call.caller,
        { kind: "list-members", group, ...page },
        pages.notBefore,
      );
      const from = pages.place.first ?? position;
      return {
        members: answer.members.map((member) => memberToPublic(member, group)),
        nextPageToken: pages.token(answer.next, from),
        position: context.encode(from),
      };
    }),
    unary(method.updateMember, (call, request) => service.updateMember(call, request)),
    unary(method.removeMember, async (call, request) => {
      const { group, user } = parseMember(request.name, "name");
      const operation = { kind: "remove-member", group, user } as const;
      await service.write(call, group, operation, { method: method.removeMember, request });
      return { pending: false };
    }),
    unary(method.leaveGroup, async (call, request) => {
      const group = parseGroup(request.name, "name");
      const user = call.caller.kind === "user" ? call.caller.user : "";
      const operation = { kind: "remove-member", group, user } as const;
      await service.write(call, group, operation, { method: method.leaveGroup, request });
      return {};
    }),
    unary(method.transferLeadership, async (call, request) => {
      const group = parseGroup(request.name, "name");
      const successor = parseUser(request.successor, "successor");
      const operation = { kind: "transfer-leadership", group, successor } as const;
      return await service.group(call, group, operation, {
        method: method.transferLeadership,
        request,
      });
    }),
    unary(method.createInvitation, (call, request) => service.invite(call, request)),
    unary(method.listInvitations, async (call, request) => {
      const group = parseGroup(request.parent, "parent");
      const { pages, page } = service.pages(call, method.listInvitations, request);
      const { answer, position } = await call.shards.read(
        call.shards.of("groups", group),
        call.caller,
        { kind: "list-invitations", group, ...page },
        pages.notBefore,
      );
      const nowMs = context.clock.wallMs();
      return {
        invitations: answer.invitations.map((found) => invitationToPublic(found, nowMs)),
        nextPageToken: pages.token(answer.next, pages.place.first ?? position),
      };
    }),
    unary(method.acceptInvitation, (call, request) =>
      service.settle(call, "accepted", request, { method: method.acceptInvitation, request }),
    ),
    unary(method.declineInvitation, (call, request) =>
      service.settle(call, "declined", request, { method: method.declineInvitation, request }),
    ),
    unary(method.revokeInvitation, (call, request) =>
      service.settle(call, "revoked", request, { method: method.revokeInvitation, request }),
    ),
  ];
}

interface ListRequest {
  readonly pageSize: number;
}

class Groups {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /** Where a list goes on, and how far. */
  pages(
    { caller }: Call,
    of: DescMethod,
    request: ConstructorParameters<typeof Pages>[4] & ListRequest,
  ): {
    readonly pages: Pages;
    readonly page: { readonly after: string; readonly pageSize: number };
  } {
    const { positions } = this.#context;
    const pages = new Pages(this.#context.positionTokens(), positions, caller, of, request);
    const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
    return { pages, page: { after: pages.place.after, pageSize } };
  }

  async write(
    { caller, shards }: Call,
    group: string,
    operation: Operation,
    repeatable: Repeatable,
  ): Promise<Written> {
    return await shards.execute(shards.of("groups", group), caller, operation, repeatable);
  }

  /** Writes and answers with the group. */
  async group(
    call: Call,
    id: string,
    operation: Operation,
    repeatable: Repeatable,
  ): Promise<PublicGroup> {
    const { resource, position } = await this.write(call, id, operation, repeatable);
    if (resource?.kind === "group") return groupToPublic(resource.group);
    const shard = call.shards.of("groups", id);
    const question = { kind: "get-group", group: id } as const;
    const { answer } = await call.shards.read(shard, call.caller, question, [position]);
    return groupToPublic(answer.group);
  }

  async create(call: Call, request: CreateGroupRequest): Promise<PublicGroup> {
    const { groupId: id, group: wanted } = request;
    const parent = parseParent(wanted?.parentGroup ?? "");
    const groupKind = GROUP_KIND.fromPublic(wanted?.kind ?? 0) ?? "peer";
    const displayName = wanted?.displayName ?? "";
    if (request.validateOnly) {
      if (await exists(call, id)) throw refused("already-exists", `groups/${id} is taken`);
      return groupToPublic({ ...NO_GROUP, id, displayName, kind: groupKind, parent });
    }
    const uid = this.#context.ids.uuid();
    return await this.group(
      call,
      id,
      { kind: "create-group", group: id, uid, displayName, groupKind, parent },
      { method: method.createGroup, request },
    );
  }

  async update(call: Call, request: UpdateGroupRequest): Promise<PublicGroup> {
    const { group: wanted } = request;
    if (wanted === undefined) throw fieldFault("group", "must be set");
    const group = parseGroup(wanted.name, "group.name");
    const { displayName, etag } = wanted;
    const parent = parseParent(wanted.parentGroup);
    const fields = fieldsOfMask(GROUP_FIELDS, request.updateMask?.paths ?? [], {
      displayName: displayName !== "",
      parent: parent !== "",
    });
    if (request.validateOnly) {
      const before = await this.#preview(call, "group.update", wanted);
      return Object.assign(before, {
        ...(fields.includes("displayName") ? { displayName } : {}),
        ...(fields.includes("parent") ? { parentGroup: wanted.parentGroup } : {}),
      });
    }
    const operation = { kind: "update-group", group, displayName, parent, fields, etag } as const;
    return await this.group(call, group, operation, { method: method.updateGroup, request });
  }

  async delete(call: Call, request: DeleteGroupRequest): Promise<PublicGroup> {
    if (request.validateOnly) return await this.#preview(call, "group.delete", request);
    const group = parseGroup(request.name, "name");
    const { etag } = request;
    const operation = { kind: "set-group-deleted", group, deleted: true, etag } as const;
    return await this.group(call, group, operation, { method: method.deleteGroup, request });
  }

  async addMember(call: Call, request: AddMemberRequest): Promise<PublicMember> {
    const group = parseGroup(request.parent, "parent");
    const user = parseUser(request.member?.user ?? "", "member.user");
    const role = MEMBER_ROLE.fromPublic(request.member?.role ?? 0) ?? "member";
    const rank = request.member?.rank ?? 0;
    await requireUserExists(call, user);
    if (request.validateOnly) {
      await requireMayAdd(call, group, rank);
      const unwritten = { createTimeMs: 0, revision: 0, joinRevision: 0 };
      return memberToPublic({ group, user, role, rank, ...unwritten });
    }
    const operation = { kind: "add-member", group, user, role, rank } as const;
    return await this.#member(call, operation, { method: method.addMember, request });
  }

  async updateMember(call: Call, request: UpdateMemberRequest): Promise<PublicMember> {
    const { member: wanted } = request;
    if (wanted === undefined) throw fieldFault("member", "must be set");
    const { group, user } = parseMember(wanted.name, "member.name");
    const { rank, etag } = wanted;
    const role = MEMBER_ROLE.fromPublic(wanted.role) ?? "member";
    const fields = fieldsOfMask(MEMBER_FIELDS, request.updateMask?.paths ?? [], {
      role: wanted.role !== 0,
      rank: rank !== 0,
    });
    const operation = { kind: "update-member", group, user, role, rank, fields, etag } as const;
    return await this.#member(call, operation, { method: method.updateMember, request });
  }

  async invite(call: Call, request: CreateInvitationRequest): Promise<PublicInvitation> {
    const group = parseGroup(request.parent, "parent");
    const wanted = request.invitation;
    const invitee = parseUser(wanted?.invitee ?? "", "invitation.invitee");
    const role = MEMBER_ROLE.fromPublic(wanted?.role ?? 0) ?? "member";
    const rank = wanted?.rank ?? 0;
    const lifetimeMs = this.#lifetimeMs(wanted);
    await requireUserExists(call, invitee);
    const invitation = this.#context.ids.invitation();
    const operation = {
      kind: "create-invitation",
      group,
      invitation,
      invitee,
      role,
      rank,
    } as const;
    const written = await this.write(
      call,
      group,
      { ...operation, lifetimeMs },
      { method: method.createInvitation, request },
    );
    return await this.#invitation(call, written);
  }

  async settle(
    call: Call,
    state: Exclude<InvitationState, "pending">,
    { name }: { readonly name: string },
    repeatable: Repeatable,
  ): Promise<PublicInvitation> {
    const { group, invitation } = parseInvitation(name, "name");
    const operation = { kind: "settle-invitation", group, invitation, state } as const;
    return await this.#invitation(call, await this.write(call, group, operation, repeatable));
  }

  #lifetimeMs(wanted: PublicInvitation | undefined): number {
    if (wanted?.expireTime === undefined) return INVITATION_LIFETIME_MS;
    const lifetimeMs = (timestampToMs(wanted.expireTime) ?? NaN) - this.#context.clock.wallMs();
    if (lifetimeMs > 0 && lifetimeMs <= INVITATION_LIFETIME_MS_MAX) return Math.ceil(lifetimeMs);
    throw fieldFault("invitation.expire_time", "must be within the next 90 days");
  }

  async #member(
    call: Call,
    operation: Operation & { readonly group: string; readonly user: string },
    repeatable: Repeatable,
  ): Promise<PublicMember> {
    const { group, user } = operation;
    const { resource, position } = await this.write(call, group, operation, repeatable);
    if (resource?.kind === "member") return memberToPublic(resource.member);
    const question = { kind: "get-member", group, user } as const;
    const shard = call.shards.of("groups", group);
    const { answer } = await call.shards.read(shard, call.caller, question, [position]);
    return memberToPublic(answer.member, group);
  }

  async #invitation(call: Call, { name, resource, position }: Written): Promise<PublicInvitation> {
    const nowMs = this.#context.clock.wallMs();
    if (resource?.kind === "invitation") return invitationToPublic(resource.invitation, nowMs);
    const { group, invitation } = parseInvitation(name, "name");
    const shard = call.shards.of("groups", group);
    const question = { kind: "get-invitation", group, invitation } as const;
    const { answer } = await call.shards.read(shard, call.caller, question, [position]);
    return invitationToPublic(answer.invitation, nowMs);
  }

  /** The group that a write would find; refused as the write would be. */
  async #preview(
    call: Call,
    action: "group.update" | "group.delete",
    { name, etag }: { readonly name: string; readonly etag: string },
  ): Promise<PublicGroup> {
    const id = parseGroup(name, "name");
    const shard = call.shards.of("groups", id);
    const question = { kind: "get-group", group: id } as const;
    const { answer } = await call.shards.read(shard, call.caller, question);
    const membership = await findMembership(call, id);
    const decision = decide(call.caller, action, { kind: "group", membership });
    if (decision.kind === "deny" && decision.as === "permission-denied") {
      throw refused("permission-denied", `your role in ${name} does not allow this`);
    }
    if (decision.kind === "deny" || answer.group.deleteTimeMs !== 0) throw notFound(name);
    const shown = groupToPublic(answer.group);
    if (etag !== "" && etag !== shown.etag) {
      throw refused("stale-etag", `${name} has changed since: read it again, then write`);
    }
    return shown;
  }
}

const GROUP_FIELDS = {
  resource: "group",
  writable: new Map<string, GroupField>([
    ["display_name", "displayName"],
    ["parent_group", "parent"],
  ]),
  setByTheCluster: new Set([
    "name",
    "uid",
    "kind",
    "calendar",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
  ]),
} as const;

const MEMBER_FIELDS = {
  resource: "member",
  writable: new Map<string, MemberField>([
    ["role", "role"],
    ["rank", "rank"],
  ]),
  setByTheCluster: new Set(["name", "user", "inherited", "create_time", "etag"]),
} as const;

function parseParent(name: string): string {
  return name === "" ? "" : parseGroup(name, "group.parent_group");
}

const NO_GROUP: Omit<Group, "id" | "displayName" | "kind" | "parent"> = {
  uid: "",
  createTimeMs: 0,
  updateTimeMs: 0,
  deleteTimeMs: 0,
  purgeTimeMs: 0,
  revision: 0,
};

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
): Promise<Member | undefined> {
  if (caller.kind !== "user") return undefined;
  try {
    const question = { kind: "get-member", group, user: caller.user } as const;
    const { answer } = await shards.read(shards.of("groups", group), caller, question);
    return answer.member;
  } catch (cause) {
    if (cause instanceof ClusterError && cause.code === "not-found") return undefined;
    throw cause;
  }
}
