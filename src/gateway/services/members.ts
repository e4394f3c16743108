import { GroupService } from "../../../gen/cabildo/v1/groups_pb.js";
import type {
  AddMemberRequest,
  Member as PublicMember,
  UpdateMemberRequest,
} from "../../../gen/cabildo/v1/groups_pb.js";
import type { MemberField, Operation } from "../../domain/index.js";
import { MEMBER_ROLE, memberToPublic } from "../../wire/index.js";
import { fieldFault } from "../faults.js";
import { fieldsOfMask } from "../field-mask.js";
import { awaitLane } from "../group-news.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseGroup, parseMember, parseUser } from "../names.js";
import type { Repeatable } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";
import { pagesOf, requireUserExists, writeToGroup } from "./group-shard.js";

const { method } = GroupService;

export function memberHandlers(context: ServiceContext): readonly Handler[] {
  return [
    unary(method.addMember, (call, request) => addMember(call, request)),
    unary(method.listMembers, async (call, request) => {
      const group = parseGroup(request.parent, "parent");
      const { pages, page } = pagesOf(context, call, method.listMembers, request);
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
    unary(method.updateMember, (call, request) => updateMember(call, request)),
    unary(method.removeMember, async (call, request) => {
      const { group, user } = parseMember(request.name, "name");
      const operation = { kind: "remove-member", group, user } as const;
      await writeToGroup(call, group, operation, { method: method.removeMember, request });
      const source = call.shards.of("groups", group);
      const waiting = await Promise.all(
        call.shards
          .all("calendars")
          .map((target) => awaitLane(context.clock, call, source, target).catch(() => true)),
      );
      return { pending: waiting.includes(true) };
    }),
    unary(method.leaveGroup, async (call, request) => {
      const group = parseGroup(request.name, "name");
      const user = call.caller.kind === "user" ? call.caller.user : "";
      const operation = { kind: "remove-member", group, user } as const;
      await writeToGroup(call, group, operation, { method: method.leaveGroup, request });
      return {};
    }),
  ];
}

async function addMember(call: Call, request: AddMemberRequest): Promise<PublicMember> {
  const group = parseGroup(request.parent, "parent");
  const user = parseUser(request.member?.user ?? "", "member.user");
  const role = MEMBER_ROLE.fromPublic(request.member?.role ?? 0) ?? "member";
  const rank = request.member?.rank ?? 0;
  await requireUserExists(call, user);
  const operation = { kind: "add-member", group, user, role, rank } as const;
  return await write(call, operation, { method: method.addMember, request });
}

async function updateMember(call: Call, request: UpdateMemberRequest): Promise<PublicMember> {
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
  return await write(call, operation, { method: method.updateMember, request });
}

async function write(
  call: Call,
  operation: Operation & { readonly group: string; readonly user: string },
  repeatable: Repeatable,
): Promise<PublicMember> {
  const { group, user } = operation;
  const { resource, position } = await writeToGroup(call, group, operation, repeatable);
  if (resource?.kind === "member") return memberToPublic(resource.member);
  const question = { kind: "get-member", group, user } as const;
  const shard = call.shards.of("groups", group);
  const { answer } = await call.shards.read(shard, call.caller, question, [position]);
  return memberToPublic(answer.member, group);
}

const MEMBER_FIELDS = {
  resource: "member",
  writable: new Map<string, MemberField>([
    ["role", "role"],
    ["rank", "rank"],
  ]),
  setByTheCluster: new Set(["name", "user", "inherited", "create_time", "etag"]),
} as const;
