import { create, equals, fromJsonString } from "@bufbuild/protobuf";
import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { AuditService, RouteService } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { AgendaService } from "../../gen/cabildo/v1/agenda_pb.js";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { CalendarService } from "../../gen/cabildo/v1/calendars_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import { NotificationService } from "../../gen/cabildo/v1/notifications_pb.js";
import { SubscriptionService } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { SyncService } from "../../gen/cabildo/v1/sync_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { PUBLIC_SERVICES } from "../../src/gateway/index.js";
import { BOOTSTRAP, eventInit, GatewayBench, PASSWORD } from "../gateway/support.js";
import { openDoor, type Door } from "./support/door.js";
import { overRest } from "./support/over-rest.js";

interface Read {
  readonly method: DescMethodUnary;
  readonly request: MessageInitShape<DescMessage>;
}

function read<Input extends DescMessage>(
  method: DescMethodUnary<Input>,
  request: MessageInitShape<Input>,
): Read {
  return { method, request };
}

const WINDOW = { startTime: { seconds: 1_899_990_000n }, endTime: { seconds: 1_900_090_000n } };

/** One read of every method that changes nothing. */
const reads = (event: string, syncToken: string): readonly Read[] => [
  read(AgendaService.method.listAgenda, { users: ["users/ana"], ...WINDOW }),
  read(AgendaService.method.queryFreeBusy, { calendars: ["calendars/ana"], ...WINDOW }),
  read(AgendaService.method.suggestTimes, {
    ...{ required: ["users/ana"], duration: { seconds: 1800n } },
    ...WINDOW,
  }),
  read(AuditService.method.listAuditCheckpoints, { shard: "users" }),
  read(AuditService.method.listAuditEntries, { shard: "users", pageSize: 2 }),
  read(CalendarService.method.getCalendar, { name: "calendars/ana.work" }),
  read(CalendarService.method.listCalendars, {}),
  read(EventService.method.batchGetEvents, { parent: "calendars/ana", names: [event] }),
  read(EventService.method.exportEvents, { parent: "calendars/ana" }),
  read(EventService.method.getEvent, { name: event }),
  read(EventService.method.listEvents, { parent: "calendars/ana", pageSize: 1, ...WINDOW }),
  read(EventService.method.listInstances, { parent: event, ...WINDOW }),
  read(GroupService.method.getGroup, { name: "groups/choir" }),
  read(GroupService.method.listGroups, {}),
  read(GroupService.method.listInvitations, { parent: "groups/choir" }),
  read(GroupService.method.listMembers, { parent: "groups/choir" }),
  read(NotificationService.method.listNotifications, { parent: "users/ana", unreadOnly: true }),
  read(RouteService.method.explainRoute, { name: event }),
  read(SubscriptionService.method.getSubscriptions, { name: "users/ana/subscriptions" }),
  read(SyncService.method.syncEvents, { parent: "calendars/ana", syncToken, pageSize: 1 }),
  read(UserService.method.findUsers, { userId: "zoe" }),
  read(UserService.method.getUser, { name: "users/ana" }),
  read(UserService.method.listSessions, { parent: "users/ana" }),
];

const METHODS = PUBLIC_SERVICES.flatMap(({ methods }) => methods).filter(
  ({ idempotency, methodKind }) =>
    methodKind === "unary" && idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
);

describe("every read", function () {
  this.timeout(60_000);
  let bench: GatewayBench;
  let doors: readonly Door[];
  let token: string;
  let event: string;
  let beginning: string;

  before(async () => {
    bench = await GatewayBench.open();
    const ana = { userId: "ana", password: PASSWORD };
    await bench.call(AuthService.method.register, { ...ana, bootstrapCredential: BOOTSTRAP });
    token = (await bench.call(AuthService.method.login, ana)).accessToken;
    await bench.person("zoe");
    const calendar = { calendarId: "ana.work", calendar: { displayName: "Work" } };
    await bench.call(CalendarService.method.createCalendar, calendar, token);
    const group = { groupId: "choir", group: { displayName: "Choir" } };
    await bench.call(GroupService.method.createGroup, group, token);
    const invitation = { invitee: "users/zoe" };
    const parent = "groups/choir";
    await bench.call(GroupService.method.createInvitation, { parent, invitation }, token);
    const empty = { parent: "calendars/ana" };
    beginning = (await bench.call(EventService.method.listEvents, empty, token)).position;
    event = (await bench.createEvent(token, "ana", { recurrence: ["RRULE:FREQ=DAILY;COUNT=3"] }))
      .name;
    await bench.createEvent(token, "ana", eventInit({ title: "Ensayo" }));
    const { gateway, clock } = bench;
    doors = [
      await openDoor({ gateway, clock }),
      await openDoor({ gateway, clock, shortWay: false }),
    ];
  });
  after(async () => {
    for (const door of doors) await door.close();
    bench.gateway.close();
  });

  it("has a case here", () => {
    const named = reads("", "").map(({ method }) => method.name);
    expect(named.sort()).to.deep.equal(METHODS.map(({ name }) => name).sort());
  });

  for (const { method, request } of reads("", "")) {
    it(`gives the same over every protocol: ${method.name}`, async () => {
      const found =
        reads(event, beginning).find((one) => one.method === method)?.request ?? request;
      const message = create(method.input, found);
      const expected = await bench.call(method, found, token);
      const headers = { authorization: `Bearer ${token}` };
      for (const door of doors) {
        for (const [protocol, transport] of Object.entries(door.transports)) {
          const answer = await transport.unary(method, undefined, 20_000, headers, message);
          expect(equals(method.output, answer.message, expected), protocol).to.equal(true);
        }
        const rest = overRest(method, message);
        const answer = await door.send(
          rest.verb,
          rest.path,
          { ...headers, ...rest.headers },
          rest.body,
        );
        expect(answer.status, answer.text).to.equal(200);
        const overHttp = fromJsonString(method.output, answer.text);
        expect(equals(method.output, overHttp, expected), "REST").to.equal(true);
      }
    });
  }
});
