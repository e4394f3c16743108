import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { EventService, EventState, Response } from "../../gen/cabildo/v1/events_pb.js";
import type { Event } from "../../gen/cabildo/v1/events_pb.js";
import { GroupKind, GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import { eventInit, failureOf, GatewayBench } from "./support.js";

const { getEvent, listEvents, updateEvent, cancelEvent, respondEvent, batchCreateEvents } =
  EventService.method;

describe("attendees", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  let nora: string;
  let zoe: string;
  let stan: string;

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    nora = (await bench.person("nora")).accessToken;
    zoe = (await bench.person("zoe")).accessToken;
    stan = (await bench.person("stan")).accessToken;
    for (const [groupId, kind] of [
      ["choir", GroupKind.PEER],
      ["office", GroupKind.HIERARCHICAL],
    ] as const) {
      await bench.call(GroupService.method.createGroup, { groupId, group: { kind } }, ana);
      for (const user of ["users/nora", "users/zoe"]) {
        const member = { user, rank: 5 };
        const parent = `groups/${groupId}`;
        await bench.call(GroupService.method.addMember, { parent, member }, ana);
      }
    }
  });

  const copyOf = ({ name }: Event, user: string): string =>
    name.replace(/^calendars\/[^/]+/, `calendars/${user}`);
  const responsesOf = ({ attendees }: Event) =>
    Object.fromEntries(attendees.map(({ user, response }) => [user, response]));

  it("find the event in their own calendars, and answer it there", async () => {
    const attendees = [{ user: "users/nora" }, { user: "users/zoe", optional: true }];
    const event = await bench.createEvent(ana, "ana", { attendees });
    expect(event.state).to.equal(EventState.CONFIRMED);
    const list = await bench.call(listEvents, { parent: "calendars/nora" }, nora);
    const [copy] = list.events.slice(-1);
    expect(copy).to.include({ name: copyOf(event, "nora"), organizerEvent: event.name });
    expect(copy?.organizer).to.equal("users/ana");
    const answer = { response: Response.ACCEPTED, comment: "gladly" };
    const name = copyOf(event, "nora");
    const answered = await bench.call(respondEvent, { name, ...answer }, nora);
    expect(responsesOf(answered)).to.include({ "users/nora": Response.ACCEPTED });
    const heard = await bench.call(getEvent, { name: event.name }, ana);
    expect(heard.attendees[0]).to.include({ comment: "gladly", optional: false });
    expect(heard.attendees[1]).to.include({ response: Response.NEEDS_ACTION, optional: true });
  });

  it("see the organiser's event too, and answer by its name although the invitation is on its way", async () => {
    bench.shards.holdsOutboxes = true;
    const attendees = [{ user: "users/nora" }];
    const event = await bench.createEvent(ana, "ana", { attendees });
    expect((await bench.call(getEvent, { name: event.name }, nora)).title).to.equal("Council");
    const answering = bench.call(
      respondEvent,
      { name: event.name, response: Response.DECLINED },
      nora,
    );
    setTimeout(() => {
      bench.shards.holdsOutboxes = false;
      bench.shards.carry();
    }, 20);
    const answered = await answering;
    expect(answered.name).to.equal(event.name);
    expect(responsesOf(answered)).to.deep.equal({ "users/nora": Response.DECLINED });
  });

  it("must be there, and say what can be said", async () => {
    const nobody = [{ user: "users/nobody" }];
    expect(await failureOf(bench.createEvent(ana, "ana", { attendees: nobody }))).to.include({
      code: "invalid-argument",
    });
    const event = await bench.createEvent(ana, "ana", { attendees: [{ user: "users/nora" }] });
    const call = (token: string, response: Response) =>
      failureOf(bench.call(respondEvent, { name: event.name, response }, token));
    expect(await call(nora, Response.AUTO_ACCEPTED)).to.include({ code: "invalid-argument" });
    expect(await call(zoe, Response.ACCEPTED)).to.include({ code: "failed-precondition" });
    expect(await call(stan, Response.ACCEPTED)).to.include({ code: "not-found" });
    expect(await call(ana, Response.ACCEPTED)).to.include({ code: "failed-precondition" });
  });

  it("of a group of peers all decide, and of a hierarchical one those who are not below", async () => {
    const of = async (group: string) => bench.createEvent(ana, "ana", { group });
    const peers = await of("groups/choir");
    expect(peers.state).to.equal(EventState.PENDING);
    expect(peers.group).to.equal("groups/choir");
    const response = Response.ACCEPTED;
    await bench.call(respondEvent, { name: peers.name, response }, nora);
    const decided = await bench.call(respondEvent, { name: peers.name, response }, zoe);
    expect(decided.state).to.equal(EventState.CONFIRMED);
    const imposed = await of("groups/office");
    expect(imposed.state).to.equal(EventState.CONFIRMED);
    expect(imposed.attendees.map(({ imposed: is }) => is)).to.deep.equal([false, true, true]);
    const declining = { name: imposed.name, response: Response.DECLINED };
    expect(await failureOf(bench.call(respondEvent, declining, zoe))).to.include({
      code: "failed-precondition",
    });
    const other = { group: "groups/nowhere" };
    expect(await failureOf(bench.createEvent(ana, "ana", other))).to.include({ code: "not-found" });
  });

  it("are asked again when it is moved, and told when it is cancelled", async () => {
    const attendees = [{ user: "users/nora" }];
    const event = await bench.createEvent(ana, "ana", { attendees });
    const name = copyOf(event, "nora");
    await bench.call(respondEvent, { name, response: Response.ACCEPTED }, nora);
    const span = {
      case: "timed" as const,
      value: {
        startTime: timestampFromMs(1_900_100_000_000),
        endTime: timestampFromMs(1_900_103_600_000),
      },
    };
    await bench.call(updateEvent, { event: { name: event.name, span } }, ana);
    const moved = await bench.call(getEvent, { name }, nora);
    expect(moved.sequence).to.equal(1);
    expect(responsesOf(moved)).to.deep.equal({ "users/nora": Response.NEEDS_ACTION });
    const more = [...attendees, { user: "users/zoe" }];
    await bench.call(updateEvent, { event: { name: event.name, attendees: more } }, ana);
    expect((await bench.call(getEvent, { name }, nora)).attendees).to.have.lengthOf(2);
    expect(await failureOf(bench.call(cancelEvent, { name }, nora))).to.include({
      code: "failed-precondition",
    });
    await bench.call(cancelEvent, { name: event.name }, ana);
    const told = await bench.call(getEvent, { name: copyOf(event, "zoe") }, zoe);
    expect(told.state).to.equal(EventState.CANCELLED);
  });

  it("and groups are what lists are filtered by", async () => {
    const title = "Filtered";
    await bench.createEvent(ana, "ana", { title, group: "groups/choir" });
    await bench.createEvent(ana, "ana", { title, attendees: [{ user: "users/stan" }] });
    const found = async (filter: string) => {
      const request = { parent: "calendars/ana", pageSize: 1000, filter };
      const { events } = await bench.call(listEvents, request, ana);
      return events.filter((event) => event.title === title).length;
    };
    expect(await found("attendee = users/stan")).to.equal(1);
    expect(await found("group = groups/choir")).to.equal(1);
    expect(await found("group != groups/choir AND attendee != users/stan")).to.equal(0);
    const wrong = { parent: "calendars/ana", filter: "attendee = stan" };
    expect(await failureOf(bench.call(listEvents, wrong, ana))).to.include({
      code: "invalid-argument",
    });
  });

  it("are invited by batches too", async () => {
    const parent = "calendars/ana";
    const requests = [1, 2].map(() => ({
      parent,
      event: eventInit({ attendees: [{ user: "users/zoe" }] }),
    }));
    const { events } = await bench.call(batchCreateEvents, { parent, requests }, ana);
    for (const event of events) {
      expect((await bench.call(getEvent, { name: copyOf(event, "zoe") }, zoe)).title).to.equal(
        "Council",
      );
    }
  });

  it("hear of a group what was said of it before, or the event is not made", async () => {
    const groupId = "late";
    await bench.call(GroupService.method.createGroup, { groupId, group: {} }, ana);
    bench.shards.holdsOutboxes = true;
    const parent = "groups/late";
    await bench.call(GroupService.method.addMember, { parent, member: { user: "users/zoe" } }, ana);
    const making = bench.createEvent(ana, "ana", { group: parent });
    setTimeout(() => {
      bench.shards.holdsOutboxes = false;
      bench.shards.carry();
    }, 20);
    expect((await making).attendees.map(({ user }) => user)).to.deep.equal([
      "users/ana",
      "users/zoe",
    ]);
  });
});
