import { expect } from "chai";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { successiveIds } from "../../src/gateway/ids.js";
import { eventInit, failureOf, GatewayBench } from "./support.js";

const {
  createEvent,
  getEvent,
  deleteEvent,
  undeleteEvent,
  batchGetEvents,
  batchCreateEvents,
  batchDeleteEvents,
} = EventService.method;
const parent = "calendars/ana";

describe("batches of events", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
  });

  const requests = (...titles: readonly string[]) =>
    titles.map((title) => ({ parent, event: eventInit({ title }) }));

  it("are created, read and deleted in one call each", async () => {
    const { events, position } = await bench.call(
      batchCreateEvents,
      { parent, requests: requests("One", "Two", "Three") },
      ana,
    );
    expect(events.map(({ title }) => title)).deep.equals(["One", "Two", "Three"]);
    expect(position).not.equals("");
    const names = events.map(({ name }) => name);
    const read = await bench.call(batchGetEvents, { parent, names: [...names].reverse() }, ana);
    expect(read.events.map(({ title }) => title)).deep.equals(["Three", "Two", "One"]);
    const { position: gone } = await bench.call(batchDeleteEvents, { parent, names }, ana);
    const after = await bench.call(getEvent, { name: names[0] ?? "", position: gone }, ana);
    expect(after.deleteTime).not.equals(undefined);
    const [name = ""] = names;
    expect((await bench.call(undeleteEvent, { name }, ana)).deleteTime).equals(undefined);
  });

  it("that are created again with the same request id are the first ones", async () => {
    const request = { parent, requests: requests("A", "B"), requestId: "batch-1" };
    const first = await bench.call(batchCreateEvents, request, ana);
    const again = await bench.call(batchCreateEvents, request, ana);
    expect(again.events).deep.equals(first.events);
    const other = { ...request, requests: requests("A", "C") };
    expect(await failureOf(bench.call(batchCreateEvents, other, ana))).to.include({
      code: "request-id-reused",
    });
  });

  it("are all of one calendar, and say which item is at fault", async () => {
    const [item] = requests("X");
    const strange = { parent: "calendars/ana.work", event: eventInit() };
    const mixed = bench.call(batchCreateEvents, { parent, requests: [item ?? {}, strange] }, ana);
    expect((await failureOf(mixed)).message).contains("requests[1].parent");
    const faulty = [
      [{ title: "When?" }, "requests[1].event"],
      [eventInit({ title: "" }), "requests[1].event.title"],
      [eventInit({ attendees: [{ user: "bea" }] }), "requests[1].event.attendees[0].user"],
      [undefined, "requests[1].event"],
    ] as const;
    for (const [event, field] of faulty) {
      const both = { parent, requests: [item ?? {}, { event }] };
      const { code, details } = await failureOf(bench.call(batchCreateEvents, both, ana));
      expect([code, details.violations?.[0]?.field]).deep.equals(["invalid-argument", field]);
    }
    const event = await bench.createEvent(ana, "ana.work");
    const names = [event.name];
    expect(await failureOf(bench.call(batchGetEvents, { parent, names }, ana))).to.include({
      code: "invalid-argument",
    });
  });

  it("need not each say of which calendar they are", async () => {
    const own = requests("Where?").map(({ event }) => ({ event }));
    const { events } = await bench.call(batchCreateEvents, { parent, requests: own }, ana);
    expect(events[0]?.name).contains(`${parent}/events/`);
    const faulty = [...own, { parent: "calendars/Ana", event: eventInit() }];
    const refused = bench.call(batchCreateEvents, { parent, requests: faulty }, ana);
    expect((await failureOf(refused)).message).contains("requests[1].parent: must be written like");
    const alone = bench.call(createEvent, { event: eventInit() }, ana);
    expect(await failureOf(alone)).to.include({
      code: "invalid-argument",
      message: "parent: must be a name such as calendars/{calendar}",
    });
  });

  it("that are created say what they are in conflict with, each other included", async () => {
    const bea = (await bench.person("bea")).accessToken;
    const own = { parent: "calendars/bea" };
    const lone = await bench.createEvent(bea, "bea", { title: "Before" });
    const requests = ["One", "Two"].map((title) => ({ ...own, event: eventInit({ title }) }));
    const { events } = await bench.call(batchCreateEvents, { ...own, requests }, bea);
    const names = [lone, ...events].map(({ name }) => name);
    for (const { name, conflicts } of events) {
      const others = names.filter((other) => other !== name);
      expect(conflicts.map(({ event }) => event)).to.have.members(others);
    }
  });

  it("are undeleted one by one, and only if deleted", async () => {
    const { name } = await bench.createEvent(ana, "ana");
    expect(await failureOf(bench.call(undeleteEvent, { name }, ana))).to.include({
      code: "failed-precondition",
    });
    await bench.call(deleteEvent, { name }, ana);
    const back = await bench.call(undeleteEvent, { name }, ana);
    expect(back).to.include({ name, title: "Council" });
  });
});

describe("ids of a batch", () => {
  it("count up from the first, and carry over", () => {
    expect(successiveIds("e0zy", 4)).deep.equals(["e0zy", "e0zz", "e100", "e101"]);
  });
});
