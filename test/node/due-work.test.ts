import { expect } from "chai";
import { DueWork } from "../../src/node/index.js";
import { decodeCommand } from "../../src/wire/index.js";
import {
  DAY_MS,
  eventContent,
  eventId,
  HOUR_MS,
  NOW_MS,
  SYSTEM,
  userCaller,
} from "../support/agenda.js";
import { AgendaReplica, refusedWith } from "../support/agenda-replica.js";
import { FakeShard } from "../support/fake-shard.js";
import { ManualClock } from "../support/manual-clock.js";

const ana = userCaller("ana");
const EVENTS_AM = 1;
const LOOK_MS = 1_000;
const START_MS = NOW_MS + 2 * DAY_MS;
const span = {
  kind: "timed",
  startMs: START_MS,
  endMs: START_MS + HOUR_MS,
  timeZone: "UTC",
} as const;

describe("the work that is due", () => {
  let clock: ManualClock;
  let replica: AgendaReplica;
  let hosted: readonly AgendaReplica[];
  let refusals: string[];
  let work: DueWork;

  beforeEach(() => {
    clock = new ManualClock();
    replica = new AgendaReplica(new FakeShard(EVENTS_AM, ["node-1"]), "node-1");
    hosted = [];
    refusals = [];
    work = new DueWork({
      replicas: () => hosted,
      wallMs: () => replica.agenda.nowMs,
      after: (delayMs, run) => clock.after(delayMs, run),
      trouble: (cause) => {
        throw cause;
      },
      refused: (shard, why) => refusals.push(`${shard} ${why}`),
    });
  });
  afterEach(() => work.close());

  async function looks(): Promise<void> {
    await clock.turn(LOOK_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }

  function due() {
    const question = { kind: "list-due-work", nowMs: replica.agenda.nowMs, limit: 10 } as const;
    const { hasReminders, series } = replica.agenda.ask(SYSTEM, question, "due-work");
    return { reminders: hasReminders, series: series.length };
  }

  /** Every day, with a reminder: the next of its days are not known yet. */
  function remind(): void {
    const content = eventContent({ span, reminderMinutes: [10], recurrence: ["RRULE:FREQ=DAILY"] });
    const occurrences = { startsMs: [START_MS], untilMs: START_MS + DAY_MS };
    const event = eventId(1);
    const create = { kind: "create-event", calendar: "ana", event, content, occurrences } as const;
    replica.agenda.done(ana, create);
    replica.agenda.nowMs = START_MS;
    expect(due()).to.deep.equal({ reminders: true, series: 1 });
  }

  it("is done in a shard that its node joined while it runs", async () => {
    remind();
    await looks();
    hosted = [replica];
    await looks();
    expect(due()).to.deep.equal({ reminders: false, series: 0 });
    expect(refusals).to.deep.equal([]);
  });

  it("is told where the shard refuses it, once until it goes well, and keeps nothing else from being done", async () => {
    remind();
    replica.intercept = (asked) =>
      decodeCommand(asked).operation.kind === "fire-reminders"
        ? Promise.resolve(refusedWith("failed-precondition", "not this time"))
        : undefined;
    hosted = [replica];
    await looks();
    await looks();
    expect(refusals).to.deep.equal(["1 fire-reminders: not this time"]);
    expect(due()).to.deep.equal({ reminders: true, series: 0 });
    replica.intercept = () => undefined;
    await looks();
    expect(due()).to.deep.equal({ reminders: false, series: 0 });
  });
});
