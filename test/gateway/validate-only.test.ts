import { create, toJson } from "@bufbuild/protobuf";
import type { DescMethodUnary, JsonValue, Message, MessageInitShape } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { CalendarService, ConflictPolicy } from "../../gen/cabildo/v1/calendars_pb.js";
import { EventService, Response } from "../../gen/cabildo/v1/events_pb.js";
import { GroupService, MemberRole } from "../../gen/cabildo/v1/groups_pb.js";
import { NotificationService } from "../../gen/cabildo/v1/notifications_pb.js";
import { SubscriptionService } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { PUBLIC_SERVICES } from "../../src/gateway/public-services.js";
import { BOOTSTRAP, eventInit, failureOf, GatewayBench, PASSWORD } from "./support.js";

/** Sessions are opened and closed, or not: there is nothing to look at before. */
const WITHOUT = new Set(["Login", "Refresh", "Logout"]);
const HOUR_MS = 3_600_000;
const START_MS = 1_900_000_000_000;

const auth = AuthService.method;
const calendars = CalendarService.method;
const events = EventService.method;
const groups = GroupService.method;
const users = UserService.method;
const notices = NotificationService.method;

const WRITES = PUBLIC_SERVICES.flatMap(({ methods }) => methods).filter(
  ({ idempotency, name }) =>
    idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && !WITHOUT.has(name),
);

describe("validate_only", function () {
  this.timeout(60_000);
  let bench: GatewayBench;
  const tokens = new Map<string, string>();
  const tried = new Set<string>();

  before(async () => {
    bench = await GatewayBench.open();
    const root = { userId: "root", password: PASSWORD, bootstrapCredential: BOOTSTRAP };
    await bench.call(auth.register, root);
    tokens.set("root", (await bench.call(auth.login, root)).accessToken);
    for (const id of ["ana", "bea"]) tokens.set(id, (await bench.person(id)).accessToken);
  });

  /** Tries, then writes: both come to the same, but for what only a write gives. */
  async function both<Method extends DescMethodUnary>(
    who: string,
    method: Method,
    request: MessageInitShape<Method["input"]>,
  ): Promise<Message> {
    const token = tokens.get(who);
    const before = written().length;
    const trial = create(method.input, { ...request, validateOnly: true, requestId: "same" });
    const shown = await bench.call(method, trial, token);
    expect(written().length, method.name).equals(before);
    const again = await bench.call(method, trial, token);
    expect(lasting(method, again), method.name).deep.equals(lasting(method, shown));
    const answer = await bench.call(method, create(method.input, request), token);
    expect(lasting(method, shown), method.name).deep.equals(lasting(method, answer));
    tried.add(`${method.parent.typeName}.${method.name}`);
    return answer;
  }

  /** But for the audit trail, which is told of refusals in its own time. */
  function written(): readonly string[] {
    const kinds = bench.shards.commands.map(({ operation }) => operation.kind);
    return kinds.filter((kind) => kind !== "record-audit");
  }

  function nameOf(message: Message): string {
    return "name" in message && typeof message.name === "string" ? message.name : "";
  }

  const at = (hour: number) => ({
    case: "timed" as const,
    value: {
      startTime: timestampFromMs(START_MS + hour * HOUR_MS),
      endTime: timestampFromMs(START_MS + (hour + 1) * HOUR_MS),
      timeZone: "UTC",
    },
  });

  it("says of every write what it would come to, and writes nothing", async () => {
    await both("", auth.register, { userId: "carl", password: PASSWORD, displayName: "Carl" });
    await both("ana", auth.changePassword, { currentPassword: PASSWORD, newPassword: PASSWORD });

    const work = { calendarId: "ana.work", calendar: { displayName: "Work" } };
    await both("ana", calendars.createCalendar, work);
    const policy = { name: "calendars/ana.work", conflictPolicy: ConflictPolicy.REJECT };
    await both("ana", calendars.updateCalendar, { calendar: policy });
    const reader = { calendar: "calendars/ana.work", reader: "users/bea" };
    await both("ana", calendars.addReader, reader);
    await both("ana", calendars.removeReader, reader);

    const [parent, lunch] = ["calendars/ana", { attendees: [{ user: "users/bea" }] }];
    const event = await both("ana", events.createEvent, { parent, event: eventInit(lunch) });
    const name = nameOf(event);
    const beside = { parent: "calendars/ana.work", event: eventInit({ span: at(50) }) };
    await both("ana", events.createEvent, beside);
    await both("ana", events.updateEvent, { event: { name, title: "Late", span: at(1) } });
    await both("bea", events.respondEvent, {
      name: name.replace("ana", "bea"),
      response: Response.ACCEPTED,
    });
    await both("ana", events.cancelEvent, { name });
    await both("ana", events.deleteEvent, { name });
    await both("ana", events.undeleteEvent, { name });
    const items = [at(10), at(10), at(12)].map((span) => ({ parent, event: eventInit({ span }) }));
    await both("ana", events.batchCreateEvents, { parent, requests: items });
    const made = await bench.createEvent(tokens.get("ana") ?? "", "ana");
    await both("ana", events.batchDeleteEvents, { parent, names: [made.name] });
    const { icalendar } = await bench.call(events.exportEvents, { parent }, tokens.get("ana"));
    const copied = icalendar.replaceAll("@cabildo", "@elsewhere");
    await both("ana", events.importEvents, { parent, icalendar: copied });

    const marked = await bench.call(
      notices.listNotifications,
      { parent: "users/bea" },
      tokens.get("bea"),
    );
    const [notice] = marked.notifications;
    await both("bea", notices.markNotificationRead, { name: notice?.name ?? "" });
    await both("bea", notices.markAllNotificationsRead, { parent: "users/bea" });
    const channels = ["calendars/bea"];
    const subscriptions = { name: "users/bea/subscriptions", channels };
    const { updateSubscriptions } = SubscriptionService.method;
    await both("bea", updateSubscriptions, { subscriptions });

    const choir = "groups/choir";
    await both("ana", groups.createGroup, { groupId: "choir", group: { displayName: "Choir" } });
    await both("ana", groups.updateGroup, { group: { name: choir, displayName: "Voices" } });
    await both("ana", groups.addMember, { parent: choir, member: { user: "users/bea" } });
    const deputy = { name: `${choir}/members/bea`, role: MemberRole.DEPUTY };
    await both("ana", groups.updateMember, { member: deputy });
    await both("ana", groups.removeMember, { name: `${choir}/members/bea` });
    const invitation = { parent: choir, invitation: { invitee: "users/bea" } };
    const { declineInvitation: decline, revokeInvitation: revoke } = groups;
    await both("bea", decline, {
      name: nameOf(await both("ana", groups.createInvitation, invitation)),
    });
    await both("ana", revoke, {
      name: nameOf(await both("ana", groups.createInvitation, invitation)),
    });
    await both("bea", groups.acceptInvitation, {
      name: nameOf(await both("ana", groups.createInvitation, invitation)),
    });
    await both("ana", groups.transferLeadership, { name: choir, successor: "users/bea" });
    await both("ana", groups.leaveGroup, { name: choir });
    await both("bea", groups.deleteGroup, { name: choir });
    await both("bea", groups.undeleteGroup, { name: choir });

    await both("ana", calendars.deleteCalendar, {
      name: nameOf(
        await both("ana", calendars.createCalendar, { calendarId: "ana.spare", calendar: {} }),
      ),
    });
    const carl = "users/carl";
    await both("root", users.setClusterRoles, { name: carl, clusterRoles: ["auditor"] });
    await both("root", users.disableUser, { name: carl });
    await both("root", users.enableUser, { name: carl });
    await both("root", users.deleteUser, { name: carl });
    await both("root", users.undeleteUser, { name: carl });
    const { session } = await bench.call(auth.login, { userId: "bea", password: PASSWORD });
    await both("bea", users.revokeSession, { name: session });
    await both("bea", users.updateUser, { user: { name: "users/bea", displayName: "Bea" } });

    // A code for a new password is given by operators alone, outside of the public API.
    const all = WRITES.map(({ parent: of, name: called }) => `${of.typeName}.${called}`);
    const left = all.filter((called) => !tried.has(called));
    expect(left).deep.equals(["cabildo.v1.AuthService.ResetPassword"]);
  });

  it("is a field of every write", () => {
    const without = WRITES.filter(({ input }) => input.field["validateOnly"] === undefined);
    expect(without.map(({ name }) => name)).deep.equals([]);
  });

  it("refuses what the write would be refused for, by what is there", async () => {
    const ana = (await bench.call(auth.login, { userId: "ana", password: PASSWORD })).accessToken;
    const parent = "calendars/ana.strict";
    const calendar = { conflictPolicy: ConflictPolicy.REJECT };
    await bench.call(calendars.createCalendar, { calendarId: "ana.strict", calendar }, ana);
    const { name } = await bench.createEvent(ana, "ana.strict", { span: at(200) });
    const before = written().length;
    const taken = { parent, event: eventInit({ span: at(200) }), validateOnly: true };
    const conflict = await failureOf(bench.call(events.createEvent, taken, ana));
    expect(conflict).to.include({ code: "failed-precondition" });
    expect(conflict.message).contains(name);
    const stale = { name, etag: '"r0"', validateOnly: true };
    const stales = [
      bench.call(events.cancelEvent, stale, ana),
      bench.call(events.deleteEvent, stale, ana),
    ];
    for (const call of stales) expect(await failureOf(call)).to.include({ code: "stale-etag" });
    const group = { displayName: "", parentGroup: "groups/absent" };
    const orphan = { groupId: "orphan", group, validateOnly: true };
    expect(await failureOf(bench.call(groups.createGroup, orphan, ana))).to.include({
      code: "not-found",
    });
    expect(written().length).equals(before);
  });

  it("counts a guess at a password all the same", async () => {
    await bench.person("dan");
    const token = (await bench.call(auth.login, { userId: "dan", password: PASSWORD })).accessToken;
    const newPassword = "a new password";
    const guess = { currentPassword: "a wrong guess", newPassword, validateOnly: true };
    const before = written().length;
    await failureOf(bench.call(auth.changePassword, guess, token));
    const counted = written().slice(before);
    expect(counted).deep.equals(["record-login-failure"]);
  });

  it("leaves a session open that the write would end", async () => {
    await bench.person("eve");
    const opened = await bench.call(auth.login, { userId: "eve", password: PASSWORD });
    const { accessToken: token, session: name } = opened;
    await bench.call(users.revokeSession, { name, validateOnly: true }, token);
    await bench.call(users.deleteUser, { name: "users/eve", validateOnly: true }, token);
    expect(await bench.call(users.getUser, { name: "users/eve" }, token)).to.include({
      name: "users/eve",
    });
  });
});

/** Of an answer what a trial and a write have in common. */
function lasting({ output }: DescMethodUnary, answer: Message): JsonValue {
  const json = toJson(output, answer, { alwaysEmitImplicit: true });
  return without(json, "");
}

const FLEETING = /^(etag|position|uid|icalUid)$|Time$/;

function without(json: JsonValue, under: string): JsonValue {
  if (Array.isArray(json)) return json.map((item) => without(item, under));
  if (typeof json === "string")
    return /(events\/e|invitations\/i)[0-9a-z]{26}/.test(json) ? "" : json;
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(
    Object.entries(json)
      .filter(([key]) => !FLEETING.test(key) || under === "timed")
      .map(([key, value]) => [key, without(value, key)]),
  );
}
