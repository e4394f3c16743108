import { expect } from "chai";
import type { NewEvent, Occurrences, Operation } from "../../src/domain/index.js";
import { instanceId } from "../../src/machine/index.js";
import {
  createEvent,
  DAY_MS,
  eventContent,
  eventId,
  HOUR_MS,
  NOW_MS,
  userCaller,
} from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

const ana = userCaller("ana");
const START_MS = NOW_MS - (NOW_MS % DAY_MS) + DAY_MS;
/** Rows of which request was answered what. */
const REQUEST = /^r[quy](\/|$)/;
const TOO_MUCH = "too much at once: fewer attendees, instances or events";

function daily(count: number, fromMs = START_MS): Occurrences {
  const startsMs = Array.from({ length: count }, (_, n) => fromMs + n * DAY_MS);
  return { startsMs, untilMs: 0 };
}

function repeating(startMs: number) {
  const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" } as const;
  return eventContent({ span, recurrence: ["RRULE:FREQ=DAILY"] });
}

describe("a command that writes more than fits one batch", () => {
  let shard: AgendaShard;

  beforeEach(() => {
    shard = new AgendaShard();
  });

  /** It would come back after every restart of every replica: it must be an answer, and leave nothing but that. */
  function expectRefused(operation: Operation): void {
    const rows = (): readonly string[] => shard.memory.state.rows().map(({ key }) => key);
    const before = rows();
    expect(shard.refused(ana, operation, "invalid-argument")).to.equal(TOO_MUCH);
    const added = rows().filter((key) => !before.includes(key));
    expect(added.filter((key) => !REQUEST.test(key))).deep.equals([]);
    shard.done(ana, createEvent("ana", eventId(1_000)));
  }

  it("is refused where an event with many instances and many changed ones is moved", () => {
    const event = eventId(1);
    const content = repeating(START_MS);
    const create = { kind: "create-event", calendar: "ana", event, content } as const;
    shard.done(ana, { ...create, occurrences: daily(400) });
    for (let n = 0; n < 100; n++) {
      const id = instanceId(event, START_MS + n * DAY_MS);
      const update = { kind: "update-event", calendar: "ana", event: id, etag: "" } as const;
      shard.done(ana, { ...update, content: eventContent({ title: "Other" }), fields: ["title"] });
    }
    const movedMs = START_MS + HOUR_MS;
    expectRefused({
      ...{ kind: "update-event", calendar: "ana", event, etag: "", fields: ["span"] },
      content: repeating(movedMs),
      occurrences: daily(400, movedMs),
    });
  });

  it("is refused where some events of a batch ask many, and the others repeat", () => {
    const invitees = Array.from({ length: 200 }, (_, n) => ({ user: `u-${n}`, optional: false }));
    const events = Array.from({ length: 100 }, (_, n): NewEvent => {
      const event = eventId(n + 1);
      if (n < 60) return { event, content: eventContent({ invitees }) };
      return { event, content: repeating(START_MS), occurrences: daily(4) };
    });
    expectRefused({ kind: "create-events", calendar: "ana", events });
  });
});
