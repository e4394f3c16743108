import { GroupService } from "../../../gen/cabildo/v1/groups_pb.js";
import type {
  CreateGroupRequest,
  DeleteGroupRequest,
  Group as PublicGroup,
  UpdateGroupRequest,
} from "../../../gen/cabildo/v1/groups_pb.js";
import type { GroupField, Operation } from "../../domain/index.js";
import { GROUP_KIND, groupToPublic } from "../../wire/index.js";
import { fieldFault } from "../faults.js";
import { fieldsOfMask } from "../field-mask.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseGroup, parseUser } from "../names.js";
import { leastOf } from "../positions.js";
import type { Repeatable } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";
import { pagesOf, writeToGroup } from "./group-shard.js";

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
    const uid = this.#context.ids.uuid();
    const group = await this.group(
      call,
      id,
      { kind: "create-group", group: id, uid, displayName, groupKind, parent },
      { method: method.createGroup, request },
    );
    return call.shards.isTrial ? Object.assign(group, { uid: "" }) : group;
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
    const operation = { kind: "update-group", group, displayName, parent, fields, etag } as const;
    return await this.group(call, group, operation, { method: method.updateGroup, request });
  }

  async delete(call: Call, request: DeleteGroupRequest): Promise<PublicGroup> {
    const group = parseGroup(request.name, "name");
    const { etag } = request;
    const operation = { kind: "set-group-deleted", group, deleted: true, etag } as const;
    return await this.group(call, group, operation, { method: method.deleteGroup, request });
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
