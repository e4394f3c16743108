import { UserService } from "../../../gen/cabildo/v1/users_pb.js";
import type {
  FindUsersRequest,
  SetClusterRolesRequest,
  UpdateUserRequest,
  User,
} from "../../../gen/cabildo/v1/users_pb.js";
import type { ClusterRole, UserAct, UserField } from "../../domain/index.js";
import { sessionToPublic, userContentFromPublic, userToPublic } from "../../wire/index.js";
import { fieldFault } from "../faults.js";
import { fieldsOfMask } from "../field-mask.js";
import { awaitLane } from "../group-news.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseGroup, parseSession, parseUser } from "../names.js";
import { Pages } from "../page-tokens.js";
import { leastOf } from "../positions.js";
import type { Repeatable, Written } from "../shard-calls.js";
import { requireTimeZone } from "../time-zone.js";
import type { ServiceContext } from "./context.js";

const PAGE_SIZE_DEFAULT = 50;
/** As many as a group has members. */
const FOUND_MAX = 500;
const { method } = UserService;

export function userHandlers(context: ServiceContext): readonly Handler[] {
  return [
    unary(method.getUser, async ({ caller, shards }, request) => {
      const user = parseUser(request.name, "name");
      const after = leastOf(context.positions, request.position);
      const shard = shards.of("users", user);
      const { answer } = await shards.read(shard, caller, { kind: "get-user", user }, after);
      return userToPublic(answer.user);
    }),
    unary(method.findUsers, (call, request) => find(call, request)),
    unary(method.updateUser, (call, request) => update(context, call, request)),
    unary(method.disableUser, (call, request) =>
      act(context, call, "disable", request, { method: method.disableUser, request }),
    ),
    unary(method.enableUser, (call, request) =>
      act(context, call, "enable", request, { method: method.enableUser, request }),
    ),
    unary(method.deleteUser, (call, request) =>
      act(context, call, "delete", request, { method: method.deleteUser, request }),
    ),
    unary(method.undeleteUser, (call, request) =>
      act(
        context,
        call,
        "undelete",
        { ...request, etag: "" },
        {
          method: method.undeleteUser,
          request,
        },
      ),
    ),
    unary(method.setClusterRoles, (call, request) => setRoles(call, request)),
    unary(method.listSessions, async (call, request) => {
      const user = parseUser(request.parent, "parent");
      const { caller, shards } = call;
      const tokens = context.positionTokens();
      const pages = new Pages(tokens, context.positions, caller, method.listSessions, request);
      const { after, first } = pages.place;
      const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
      const question = { kind: "list-sessions", user, pageSize, after } as const;
      const shard = shards.of("users", user);
      const { answer, position } = await shards.read(shard, caller, question, pages.notBefore);
      return {
        sessions: answer.sessions.map(sessionToPublic),
        nextPageToken: pages.token(answer.next, first ?? position),
      };
    }),
    unary(method.revokeSession, async (call, request) => {
      const { user, session } = parseSession(request.name, "name");
      const operation = { kind: "revoke-session", user, session } as const;
      const repeatable = { method: method.revokeSession, request };
      await call.shards.execute(call.shards.of("users", user), call.caller, operation, repeatable);
      if (!call.shards.isTrial) context.sessions.note(session, false);
      return {};
    }),
  ];
}

/** Members of a group are those that the caller sees in it. */
async function find(call: Call, request: FindUsersRequest) {
  const { caller, shards } = call;
  const { userId, email } = request;
  if (userId === "" && email === "" && request.group === "") {
    throw fieldFault("user_id", "say whom: an id, an e-mail address, or a group of yours");
  }
  const users = userId === "" ? [] : [userId];
  if (request.group !== "") {
    const group = parseGroup(request.group, "group");
    const question = { kind: "list-members", group, pageSize: FOUND_MAX, after: "" } as const;
    const { answer } = await shards.read(shards.of("groups", group), caller, question);
    users.push(...answer.members.map(({ user }) => user));
  }
  const question = { kind: "find-users", users: users.slice(0, FOUND_MAX), email } as const;
  const { answer } = await shards.read(shards.of("users", userId), caller, question);
  return { users: answer.users.map(userToPublic) };
}

const FIELDS = {
  resource: "user",
  writable: new Map<string, UserField>([
    ["display_name", "displayName"],
    ["email", "email"],
    ["time_zone", "timeZone"],
    ["default_visibility", "defaultVisibility"],
    ["working_hours", "workingHours"],
  ]),
  setByTheCluster: new Set([
    "name",
    "uid",
    "state",
    "cluster_roles",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
  ]),
} as const;

async function update(
  context: ServiceContext,
  call: Call,
  request: UpdateUserRequest,
): Promise<User> {
  const { user: wanted } = request;
  if (wanted === undefined) throw fieldFault("user", "must be set");
  const user = parseUser(wanted.name, "user.name");
  const content = userContentFromPublic(wanted);
  requireTimeZone(content.timeZone, "user.time_zone");
  for (const { startMinute, endMinute } of content.workingHours) {
    if (endMinute <= startMinute) {
      throw fieldFault("user.working_hours.end_minute", "must be after the start");
    }
  }
  const fields = fieldsOfMask(FIELDS, request.updateMask?.paths ?? [], {
    displayName: wanted.displayName !== "",
    email: wanted.email !== "",
    timeZone: wanted.timeZone !== "",
    defaultVisibility: wanted.defaultVisibility !== 0,
    workingHours: wanted.workingHours.length > 0,
  });
  const written = await call.shards.execute(
    call.shards.of("users", user),
    call.caller,
    { kind: "update-user", user, content, fields, etag: wanted.etag },
    { method: method.updateUser, request },
  );
  if (fields.includes("defaultVisibility")) {
    // It is said all the same if the calendars do not hear of it in time.
    const [source, target] = [call.shards.of("users", user), call.shards.of("calendars", user)];
    await awaitLane(context.clock, call, source, target).catch(() => true);
  }
  return await answer(call, user, written);
}

async function act(
  context: ServiceContext,
  call: Call,
  what: UserAct,
  { name, etag }: { readonly name: string; readonly etag: string },
  repeatable: Repeatable,
): Promise<User> {
  const user = parseUser(name, "name");
  const operation = { kind: "set-user-standing", user, act: what, etag } as const;
  const shard = call.shards.of("users", user);
  const written = await call.shards.execute(shard, call.caller, operation, repeatable);
  const ended = !call.shards.isTrial && (what === "disable" || what === "delete");
  const { caller } = call;
  if (ended && caller.kind === "user" && caller.user === user) {
    context.sessions.note(caller.sessionId, false);
  }
  return await answer(call, user, written);
}

const ROLES: readonly ClusterRole[] = ["admin", "operator", "auditor"];

async function setRoles(call: Call, request: SetClusterRolesRequest): Promise<User> {
  const user = parseUser(request.name, "name");
  const roles = request.clusterRoles.map((name) => {
    const role = ROLES.find((known) => known === name);
    if (role === undefined) throw fieldFault("cluster_roles", `one of ${ROLES.join(", ")}`);
    return role;
  });
  const operation = { kind: "set-cluster-roles", user, roles, etag: request.etag } as const;
  const shard = call.shards.of("users", user);
  const repeatable = { method: method.setClusterRoles, request };
  const written = await call.shards.execute(shard, call.caller, operation, repeatable);
  return await answer(call, user, written);
}

async function answer(call: Call, user: string, { resource, position }: Written): Promise<User> {
  if (resource?.kind === "user") return userToPublic(resource.user);
  const shard = call.shards.of("users", user);
  const question = { kind: "get-user", user } as const;
  const found = await call.shards.read(shard, call.caller, question, [position]);
  return userToPublic(found.answer.user);
}
