import { expect } from "chai";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AgendaService } from "../../gen/cabildo/v1/agenda_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import type { Event, EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { GroupKind, GroupService, InvitationState } from "../../gen/cabildo/v1/groups_pb.js";
import type { Operation } from "../../src/domain/index.js";
import { ANONYMOUS, command, registerUser, userCaller } from "../support/agenda.js";
import { findShard } from "../../src/placement/index.js";
import { eventInit, failureOf, GatewayBench } from "./support.js";

const events = EventService.method;
const groups = GroupService.method;
const DAY_MS = 86_400_000;

function each<Item>(count: number, make: (i: number) => Item): Item[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

const person = (i: number): string => `person-${i}`;
const idOf = ({ name }: Event): string => name.split("/")[3] ?? "";

/** Each limit, by what is just taken and by one more. */
describe("the limits", function () {
  this.timeout(60_000);
  let bench: GatewayBench;
  let ana: string;

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    for (let i = 0; i < 201; i++) await put("users", registerUser(person(i)), ANONYMOUS);
  });

  /** Past the gateway, which would hash a password for each. */
  async function put(
    collection: "users" | "groups",
    operation: Operation,
    caller = userCaller("ana"),
  ): Promise<void> {
    const shard = bench.shards.rangeMap.shards.find((one) => one.collection === collection);
    const written = command(caller, operation);
    const { reply } = await bench.shards.execute(shard?.number ?? 0, written, { timeoutMs: 1_000 });
    if (reply.kind !== "done") throw new Error(`${reply.code}: ${reply.message}`);
  }

  async function refusedUnproposed(work: () => Promise<unknown>, field: string): Promise<void> {
    const { length } = bench.shards.commands;
    const failure = await failureOf(work());
    const fields = failure.details.violations?.map((violation) => violation.field);
    expect([failure.code, fields]).deep.equals(["invalid-argument", [field]]);
    expect(failure.message).contains(field);
    expect(bench.shards.commands, "proposed").to.have.lengthOf(length);
  }

  describe("of an event", () => {
    type Over = MessageInitShape<typeof EventSchema>;
    const people = (count: number): Over => ({
      attendees: each(count, (i) => ({ user: `users/${person(i)}` })),
    });
    const reminders = (count: number): Over => ({
      reminders: each(count, (i) => ({ minutesBefore: i })),
    });
    const limits: readonly [limit: string, most: Over, more: Over, field: string][] = [
      [
        "a title of 255 characters, however long each is",
        { title: "🎵".repeat(255) },
        { title: "x".repeat(256) },
        "event.title",
      ],
      [
        "a description of 8 KiB, in bytes",
        { description: "ñ".repeat(4_096) },
        { description: `${"ñ".repeat(4_096)}x` },
        "event.description",
      ],
      ["200 attendees", people(200), people(201), "event.attendees"],
      ["5 reminders", reminders(5), reminders(6), "event.reminders"],
    ];

    for (const [limit, most, more, field] of limits) {
      it(`are ${limit}`, async () => {
        const event = await bench.createEvent(ana, "ana", most);
        const { name } = event;
        const said = (of: Event): unknown => [
          of.title,
          of.description,
          of.attendees.map(({ user }) => user).sort(),
          of.reminders.map(({ minutesBefore }) => minutesBefore),
        ];
        const read = await bench.call(events.getEvent, { name }, ana);
        const wanted = { ...event, ...most } as Event;
        expect(said(read)).deep.equals(said(wanted));
        await refusedUnproposed(async () => await bench.createEvent(ana, "ana", more), field);
        const plain = await bench.createEvent(ana, "ana");
        const change = async (over: Over): Promise<unknown> =>
          await bench.call(events.updateEvent, { event: { name: plain.name, ...over } }, ana);
        await refusedUnproposed(async () => await change(more), field);
        await change(most);
        const parent = "calendars/ana";
        const requests = [most, more].map((over) => ({ parent, event: eventInit(over) }));
        const both = async (): Promise<unknown> =>
          await bench.call(events.batchCreateEvents, { parent, requests }, ana);
        await refusedUnproposed(both, `requests[1].${field}`);
      });
    }
  });

  it("of a batch are 100 events", async () => {
    const parent = "calendars/ana.batches";
    const create = async (count: number) => {
      const requests = each(count, (i) => ({ parent, event: eventInit({ title: `${i}` }) }));
      return await bench.call(events.batchCreateEvents, { parent, requests }, ana);
    };
    await refusedUnproposed(async () => await create(101), "requests");
    const made = (await create(100)).events.map(({ name }) => name);
    const names = [...made, (await create(1)).events[0]?.name ?? ""];
    expect(new Set(names)).to.have.property("size", 101);
    const read = async (some: readonly string[]) =>
      await bench.call(events.batchGetEvents, { parent, names: [...some] }, ana);
    await refusedUnproposed(async () => await read(names), "names");
    expect((await read(made)).events.map(({ name }) => name)).deep.equals(made);
    const drop = async (some: readonly string[]) =>
      await bench.call(events.batchDeleteEvents, { parent, names: [...some] }, ana);
    await refusedUnproposed(async () => await drop(names), "names");
    await drop(made);
    const left = await bench.call(events.listEvents, { parent }, ana);
    expect(left.events.map(({ name }) => name)).deep.equals(names.slice(100));
  });

  it("of an answer are 1,000 instances, the others following on the next page", async () => {
    const startMs = Math.ceil(bench.clock.wallMs() / DAY_MS) * DAY_MS;
    const series = async (days: number): Promise<Event> => {
      const startTime = timestampFromMs(startMs);
      const endTime = timestampFromMs(startMs + 1_000);
      const span = { case: "timed" as const, value: { startTime, endTime, timeZone: "UTC" } };
      const recurrence = [`RRULE:FREQ=DAILY;COUNT=${days}`];
      return await bench.createEvent(ana, "ana.series", { span, recurrence });
    };
    for (const days of [334, 334]) await series(days);
    const { name } = await series(333);
    const window = {
      startTime: timestampFromMs(startMs),
      endTime: timestampFromMs(startMs + 400 * DAY_MS),
    };
    const parent = "calendars/ana.series";
    const agenda = AgendaService.method.listAgenda;
    interface Page {
      readonly pageSize: number;
      readonly pageToken?: string;
    }
    const lists = [
      async (page: Page) =>
        await bench.call(events.listEvents, { parent, ...window, ...page }, ana),
      async (page: Page) => await bench.call(agenda, { ...window, ...page }, ana),
    ];
    for (const list of lists) {
      const first = await list({ pageSize: 1_000 });
      expect(first.events).to.have.lengthOf(1_000);
      const rest = await list({ pageSize: 1_000, pageToken: first.nextPageToken });
      expect([rest.events.length, rest.nextPageToken]).deep.equals([1, ""]);
      const shown = [...first.events, ...rest.events].map((instance) => instance.name);
      expect(new Set(shown)).to.have.property("size", 1_001);
      await refusedUnproposed(async () => await list({ pageSize: 1_001 }), "page_size");
    }
    const instances = async (pageSize: number) =>
      await bench.call(events.listInstances, { parent: name, pageSize }, ana);
    expect((await instances(1_000)).instances).to.have.lengthOf(333);
    await refusedUnproposed(async () => await instances(1_001), "page_size");
  });

  describe("of groups", () => {
    let bea: string;

    before(async () => {
      bea = (await bench.person("bea")).accessToken;
    });

    const found = async (groupId: string, over: { parentGroup?: string } = {}): Promise<void> => {
      const group = { kind: GroupKind.PEER, ...over };
      await bench.call(groups.createGroup, { groupId, group }, ana);
    };
    const add = async (group: string, user: string) => {
      const member = { user: `users/${user}`, rank: 1 };
      return await bench.call(groups.addMember, { parent: `groups/${group}`, member }, ana);
    };
    const invite = async (group: string, user: string) => {
      const invitation = { invitee: `users/${user}`, rank: 1 };
      return await bench.call(
        groups.createInvitation,
        { parent: `groups/${group}`, invitation },
        ana,
      );
    };
    const refused = async (work: Promise<unknown>, words: string): Promise<void> => {
      const failure = await failureOf(work);
      expect([failure.code, failure.message]).deep.equals(["failed-precondition", words]);
    };

    it("are 500 members of one, all of whom one event asks", async () => {
      await found("choir");
      const { name } = await invite("choir", "bea");
      bench.shards.holdsOutboxes = true;
      for (let i = 1; i < 499; i++) {
        const member = { group: "choir", user: `member-${i}`, role: "member", rank: 1 } as const;
        await put("groups", { kind: "add-member", ...member });
      }
      bench.shards.holdsOutboxes = false;
      await add("choir", person(0));
      const words = "groups/choir has 500 members, the most";
      await refused(add("choir", person(1)), words);
      await refused(bench.call(groups.acceptInvitation, { name }, bea), words);
      const of = (member: string) => ({ name: `groups/choir/members/${member}` });
      await bench.call(groups.removeMember, of(person(0)), ana);
      const accepted = await bench.call(groups.acceptInvitation, { name }, bea);
      expect(accepted.state).equals(InvitationState.ACCEPTED);
      const event = await bench.createEvent(ana, "choir.group");
      expect(event.attendees).to.have.lengthOf(500);
      const { rangeMap } = bench.shards;
      for (const { user } of event.attendees) {
        const calendar = user === "users/ana" ? "choir.group" : user.slice("users/".length);
        const question = { kind: "get-event", calendar, event: idOf(event) } as const;
        const query = { caller: userCaller(user.slice("users/".length)), question };
        const shard = findShard(rangeMap, "calendars", calendar);
        const { reply } = await bench.shards.read(shard?.number ?? 0, query, { timeoutMs: 1_000 });
        expect(reply.kind, user).equals("answered");
      }
    });

    it("are 500 whom one event asks, with those above", async () => {
      await found("altos", { parentGroup: "groups/choir" });
      expect((await bench.createEvent(ana, "altos.group")).attendees).to.have.lengthOf(500);
      await add("altos", person(1));
      const words = "groups/altos has more than 500 members with those above: name attendees";
      await refused(bench.createEvent(ana, "altos.group"), words);
    });

    it("are 200 of a user, whether founded, joined or accepted, and deleted ones count until they are purged", async () => {
      const lead = async (groupId: string) => {
        await bench.call(groups.createGroup, { groupId, group: {} }, bea);
        return { parent: `groups/${groupId}` };
      };
      const own = await lead("band");
      await bench.call(groups.addMember, { ...own, member: { user: "users/ana" } }, bea);
      const { groups: before } = await bench.call(groups.listGroups, { pageSize: 1_000 }, ana);
      for (let i = before.length; i < 200; i++) await found(`group-${i}`);
      const words = "users/ana is in 200 groups, the most";
      const club = await lead("club");
      const member = { user: "users/ana" };
      const invitation = { invitee: "users/ana" };
      const { name } = await bench.call(groups.createInvitation, { ...club, invitation }, bea);
      const join = async (): Promise<unknown> =>
        await bench.call(groups.acceptInvitation, { name }, ana);
      await refused(found("one-more"), words);
      await refused(bench.call(groups.addMember, { ...club, member }, bea), words);
      await refused(join(), words);
      await bench.call(groups.deleteGroup, { name: "groups/group-199" }, ana);
      await refused(join(), words);
      await bench.call(groups.leaveGroup, { name: "groups/band" }, ana);
      await join();
      await refused(found("one-more"), words);
    });

    it("are 500 open invitations of one", async () => {
      const lifetimeMs = DAY_MS;
      for (let i = 1; i < 500; i++) {
        const invitation = `i${String(i).padStart(26, "0")}`;
        const asked = { group: "altos", invitee: `guest-${i}`, role: "member", rank: 1 } as const;
        const told = { lifetimeMs, tells: true };
        await put("groups", { kind: "create-invitation", ...asked, invitation, ...told });
      }
      const { name } = await invite("altos", person(2));
      const words = "groups/altos has 500 open invitations, the most";
      await refused(invite("altos", person(3)), words);
      await bench.call(groups.revokeInvitation, { name }, ana);
      await invite("altos", person(3));
      await refused(invite("altos", person(4)), words);
    });
  });
});
