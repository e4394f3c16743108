import { expect } from "chai";
import { eventOf } from "../fanout/support/fake-shards.js";
import { History } from "./history.js";
import { judgeRuns } from "./judge-runs.js";
import { writePosition } from "./positions.js";
import { valueFor } from "./rights.js";
import type { Truth, TrueChange } from "./truth.js";

const [HOME, WORK] = ["calendars/ana", "calendars/ana.work"];

/** Of both calendars in turn: the odd sequences are of the first. */
const changes = Array.from({ length: 12 }, (_, i): TrueChange => {
  const sequence = i + 1;
  const key = sequence % 2 === 1 ? "ana" : "ana.work";
  const event = eventOf(key, `title ${sequence}`, sequence);
  const resourceName = `calendars/${key}/events/${event.id}`;
  const resource = { kind: "event", event } as const;
  const channels = [`calendars/${key}`, "users/ana"];
  return { sequence, channels, kind: "created", resourceName, revision: sequence, resource };
});

function choosing(...choices: (readonly string[])[]): Truth {
  const chosen = choices.map((channels, i): TrueChange => {
    const subscriptions = { user: "ana", channels, updateTimeMs: 1, revision: i + 1 };
    return {
      sequence: i + 1,
      channels: ["users/ana"],
      kind: "updated",
      resourceName: "users/ana/subscriptions",
      revision: i + 1,
      resource: { kind: "subscriptions", subscriptions },
    };
  });
  return new Map([
    ["events-am", { number: 1, changes }],
    ["users", { number: 2, changes: chosen }],
  ]);
}

const position = (sequence: number): string => writePosition(1, sequence);

/** One change after the other, on the channel that it belongs to. */
function hear(history: History, ...sequences: number[]): void {
  for (const sequence of sequences) {
    const change = changes[sequence - 1];
    if (change === undefined) throw new Error(`there is no change ${sequence}`);
    const [channel = ""] = change.channels;
    const heard = { sequence, channel, value: valueFor("ana", change) };
    history.hear("events-am", position(sequence), heard);
  }
}

const verdict = ({ runs }: History, truth: Truth): readonly string[] =>
  judgeRuns(runs, truth, { user: "ana", isRestored: true });

describe("the verdict on one who follows a choice", () => {
  const truth = choosing([HOME], [HOME, WORK], [WORK]);
  let history: History;

  beforeEach(() => {
    history = new History();
    history.restored(new Map([[HOME, position(0)]]));
  });

  const addWork = (after: number): void => {
    history.chosen(new Map([[WORK, position(after)]]), position(after));
  };
  const dropHome = (): void => {
    history.dropped([HOME]);
  };

  it("is good on each channel from where it began until it was dropped", () => {
    hear(history, 1, 3);
    addWork(4);
    hear(history, 5, 6, 7, 8);
    dropHome();
    hear(history, 10, 12);
    expect(verdict(history, truth)).to.deep.equal([]);
  });

  it("is good on what was chosen and dropped while nobody was connected", () => {
    hear(history, 1, 3);
    history.restored(new Map([[WORK, position(3)]]));
    hear(history, 4, 6, 8, 10, 12);
    expect(verdict(history, truth)).to.deep.equal([]);
  });

  for (const [what, hearIt] of [
    [
      "a change that did not come on a channel that stayed",
      () => {
        hear(history, 1, 3);
        addWork(4);
        hear(history, 6, 7, 8);
        dropHome();
        hear(history, 10, 12);
      },
    ],
    [
      "a first change that did not come on one that was added",
      () => {
        hear(history, 1, 3);
        addWork(3);
        hear(history, 5, 6, 7, 8);
        dropHome();
        hear(history, 10, 12);
      },
    ],
    [
      "a last change that did not come before a channel was dropped, where a later one did",
      () => {
        hear(history, 1, 3);
        addWork(4);
        hear(history, 5, 6, 8);
        dropHome();
        hear(history, 10, 12);
      },
    ],
    [
      "a change of a channel that was dropped",
      () => {
        hear(history, 1, 3);
        addWork(4);
        hear(history, 5, 6);
        dropHome();
        hear(history, 7, 8, 10, 12);
      },
    ],
    [
      "a change that came before and after the choice",
      () => {
        hear(history, 1, 3);
        addWork(3);
        hear(history, 3, 4, 5, 6);
        dropHome();
        hear(history, 8, 10, 12);
      },
    ],
    [
      "a choice that was not followed",
      () => {
        hear(history, 1, 3);
        addWork(4);
        hear(history, 5, 6, 7, 8, 9, 10, 11, 12);
      },
    ],
    [
      "a choice that was never made",
      () => {
        hear(history, 1, 3);
        history.restored(
          new Map([
            [HOME, position(3)],
            ["groups/choir", position(3)],
          ]),
        );
        history.restored(new Map([[WORK, position(3)]]));
        hear(history, 4, 6, 8, 10, 12);
      },
    ],
    [
      "a choice that was followed after a later one",
      () => {
        hear(history, 1, 3);
        history.restored(new Map([[WORK, position(3)]]));
        hear(history, 4, 6);
        history.chosen(new Map([[HOME, position(6)]]), position(6));
        hear(history, 7, 8, 9);
        dropHome();
        hear(history, 10, 12);
      },
    ],
  ] satisfies (readonly [string, () => void])[]) {
    it(`names ${what}`, () => {
      hearIt();
      expect(verdict(history, truth)).to.have.length(1);
    });
  }
});

describe("where a history goes on from", () => {
  it("is where the server said, and behind it the newest change of each shard", () => {
    const history = new History();
    history.restored(new Map([[HOME, "began"]]));
    hear(history, 1);
    expect(history.since).to.deep.equal(["began", position(1)]);
    history.chosen(new Map([[WORK, "of work"]]), "of all");
    expect(history.since).to.deep.equal(["of all"]);
    hear(history, 2);
    history.dropped([HOME]);
    expect(history.since).to.deep.equal(["of all", position(2)]);
  });
});
