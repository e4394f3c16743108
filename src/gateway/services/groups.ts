import { GroupService } from "../../../gen/cabildo/v1/groups_pb.js";
import type {
  CreateGroupRequest,
  DeleteGroupRequest,
  Group as PublicGroup,
  UpdateGroupRequest,
} from "../../../gen/cabildo/v1/groups_pb.js";
import { ClusterError } from "../../base/index.js";
import type { Group, GroupField, Operation } from "../../domain/index.js";
import { decide } from "../../policy/index.js";
import { GROUP_KIND, groupToPublic } from "../../wire/index.js";
import { fieldFault, notFound, refused } from "../faults.js";
import { fieldsOfMask } from "../field-mask.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseGroup, parseUser } from "../names.js";
import { leastOf } from "../positions.js";
import { SYSTEM } from "../shard-calls.js";
import type { Repeatable } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";
import { findMembership, pagesOf, writeToGroup } from "./group-shard.js";

const { method } = GroupService;

export function groupHandlers(context: ServiceContext): readonly Handler[] {
  const service = new Groups(context);
  return [
    unary(method.createGroup, (call, request) => service.create(call, request)),
    unary(method.getGroup, async ({ caller, shards }, request) => {
      const group = parseGroup(request.name, "name");
      const after = leastOf(context.positions, request.position);
      const shard = shards.of("groups", group);
      const { answer } = await shards.read(shard, caller, { kind: "get-group", group }, after);
      return groupToPublic(answer.group);
    }),
    unary(method.listGroups, async (call, request) => {
      const { pages, page } = pagesOf(context, call, method.listGroups, request);
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
    unary(method.transferLeadership, async (call, request) => {
      const group = parseGroup(request.name, "name");
      const successor = parseUser(request.successor, "successor");
      const operation = { kind: "transfer-leadership", group, successor } as const;
      return await service.group(call, group, operation, {
        method: method.transferLeadership,
        request,
      });
    }),
  ];
}

class Groups {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /** Writes and answers with the group. */
  async group(
    call: Call,
    id: string,
    operation: Operation,
    repeatable: Repeatable,
  ): Promise<PublicGroup> {
    const { resource, position } = await writeToGroup(call, id, operation, repeatable);
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

async function exists({ shards }: Call, group: string): Promise<boolean> {
  try {
    await shards.read(shards.of("groups", group), SYSTEM, { kind: "get-group", group });
    return true;
  } catch (cause) {
    if (cause instanceof ClusterError && cause.code === "not-found") return false;
    throw cause;
  }
}
