import { expect } from "chai";
import type { Calendar } from "../../src/domain/index.js";
import { eventOf } from "../fanout/support/fake-shards.js";
import type { Heard, Run } from "./history.js";
import { judgeRuns } from "./judge-runs.js";
import { writePosition } from "./positions.js";
import type { Truth, TrueChange } from "./truth.js";
import { valueFor } from "./rights.js";
import { judgeWritten } from "./verdict.js";

const CALENDAR = "calendars/ana.shared";
/** Sequences with which zoe is let in, put out, let in again, and put out. */
const RIGHTS: ReadonlyMap<number, boolean> = new Map([
  [3, true],
  [7, false],
  [9, true],
  [13, false],
]);
const LAST = 15;

const changes = Array.from({ length: LAST }, (_, i): TrueChange => {
  const sequence = i + 1;
  const right = RIGHTS.get(sequence);
  const channels = [CALENDAR, "users/ana"];
  if (right === undefined) {
    const event = eventOf("ana.shared", `title ${sequence}`, sequence);
    const resourceName = `${CALENDAR}/events/${event.id}`;
    return {
      sequence,
      channels,
      kind: "created",
      resourceName,
      revision: sequence,
      resource: { kind: "event", event },
    };
  }
  const calendar: Calendar = {
    key: "ana.shared",
    displayName: "",
    timeZone: "UTC",
    conflictPolicy: "allow",
    public: false,
    readers: right ? ["zoe"] : [],
    createTimeMs: 1,
    updateTimeMs: 1,
    deleteTimeMs: 0,
    revision: sequence,
  };
  return {
    sequence,
    channels,
    kind: "updated",
    resourceName: CALENDAR,
    revision: sequence,
    resource: { kind: "calendar", calendar },
  };
});
const truth: Truth = new Map([["events-am", { number: 1, changes }]]);

const position = (sequence: number): string => writePosition(1, sequence);

function hears(user: string, from: number, to: number): Heard[] {
  return changes
    .filter(({ sequence }) => sequence >= from && sequence <= to)
    .map((change) => ({
      sequence: change.sequence,
      channel: CALENDAR,
      value: valueFor(user, change),
    }));
}

function run(since: number, heard: Heard[], more: Partial<Run> = {}): Run {
  const begins = new Map([[CALENDAR, position(since)]]);
  const all = new Map([["events-am", heard]]);
  return { begins, isAnew: false, isWhole: true, heard: all, end: "open", ...more };
}

const verdict = (user: string, runs: Run[], isRevocable: boolean): readonly string[] =>
  judgeRuns(runs, truth, { user, channels: [CALENDAR], isRevocable });

describe("the verdict on what a subscriber heard", () => {
  const all = (): Heard[] => hears("ana", 3, LAST);
  const ofAna = (heard: Heard[]): readonly string[] => verdict("ana", [run(2, heard)], false);

  it("is good on all of it, in order and as the log has it", () => {
    expect(ofAna(all())).to.deep.equal([]);
  });

  for (const [what, spoil] of [
    ["a change that did not come", (heard) => heard.toSpliced(5, 1)],
    ["the last one that did not come", (heard) => heard.slice(0, -1)],
    ["the first one that did not come", (heard) => heard.slice(1)],
    ["a change that came twice", (heard) => heard.toSpliced(5, 0, ...heard.slice(5, 6))],
    ["a change from before", () => hears("ana", 2, LAST)],
    [
      "two changes in the wrong order",
      (heard) => heard.toSpliced(5, 2, ...heard.slice(5, 7).reverse()),
    ],
    [
      "two values that were swapped",
      (heard) => heard.with(5, { ...at(heard, 5), value: at(heard, 3).value }),
    ],
    [
      "a channel that it did not come on",
      (heard) => heard.with(5, { ...at(heard, 5), channel: "users/ana" }),
    ],
  ] satisfies (readonly [string, (heard: Heard[]) => Heard[]])[]) {
    it(`names ${what}`, () => {
      expect(ofAna(spoil(all()))).to.have.length(1);
    });
  }

  describe("where a right comes and goes", () => {
    const ofZoe = (...runs: Run[]): readonly string[] => verdict("zoe", runs, true);
    const cut = { end: "cut-live" } as const;

    it("is good on each time from the change that gave it to the last before it was taken", () => {
      const first = run(3, hears("zoe", 4, 6), cut);
      const second = run(8, hears("zoe", 9, 12), { ...cut, isAnew: true });
      expect(ofZoe(first, second)).to.deep.equal([]);
    });

    it("is good on one who was put out while behind, and had what came before", () => {
      expect(ofZoe(run(3, hears("zoe", 4, 5), { end: "cut-behind" }))).to.deep.equal([]);
    });

    it("is good on one who joined before the server had come to what gave the right, and had what came before", () => {
      expect(ofZoe(run(2, hears("zoe", 3, 5), cut))).to.deep.equal([]);
      expect(ofZoe(run(2, [], cut))).to.deep.equal([]);
    });

    for (const [what, one] of [
      ["silence to one who joined later", run(5, [], cut)],
      ["the change that takes the right", run(3, hears("zoe", 4, 7), cut)],
      ["a change after it", run(3, hears("zoe", 4, 8), { end: "cut-behind" })],
      ["a last change that one who was live did not get", run(3, hears("zoe", 4, 5), cut)],
      ["a first change that did not come", run(3, hears("zoe", 5, 6), cut)],
      ["a hole", run(8, [...hears("zoe", 9, 10), ...hears("zoe", 12, 12)], { end: "cut-behind" })],
      [
        "a beginning behind the change that gave it",
        run(9, hears("zoe", 10, 12), { ...cut, isAnew: true }),
      ],
      ["a beginning where there was no right", run(7, hears("zoe", 9, 12), cut)],
    ] as const) {
      it(`names ${what}`, () => {
        expect(ofZoe(one)).to.have.length(1);
      });
    }
  });

  it("names private titles that were shown to a reader", () => {
    const [change] = changes;
    if (change?.resource.kind !== "event") throw new Error("no event");
    const event = { ...change.resource.event, visibility: "private" } as const;
    const hidden = { ...change, resource: { kind: "event", event } } as const;
    expect(valueFor("ana", hidden)).to.include("title 1");
    expect(valueFor("zoe", hidden)).to.not.include("title 1");
  });
});

describe("the verdict on what was acknowledged", () => {
  const written = (title: string) => [{ channel: CALENDAR, title }];
  const [change] = changes;
  const twice = [...changes, ...(change === undefined ? [] : [{ ...change, sequence: LAST + 1 }])];

  it("is good on what the log has once", () => {
    expect(judgeWritten(written("title 1"), truth)).to.deep.equal([]);
  });

  it("names what the log has not, and what it has twice", () => {
    expect(judgeWritten(written("title 100"), truth)).to.have.length(1);
    const log = new Map([["events-am", { number: 1, changes: twice }]]);
    expect(judgeWritten(written("title 1"), log)).to.have.length(1);
  });
});

function at(heard: readonly Heard[], i: number): Heard {
  const found = heard[i];
  if (found === undefined) throw new Error(`nothing at ${i}`);
  return found;
}
