import { expect } from "chai";
import type { Entry } from "../../src/raft/index.js";
import { Applier } from "../../src/runtime/applier.js";
import { frameEntry } from "../../src/runtime/entry-frame.js";
import { StateCache } from "../../src/runtime/state-cache.js";
import { eventually } from "../support/eventually.js";
import { REGISTER_CODEC, REGISTER_MACHINE, setCommand } from "../support/register-machine.js";

const NO_MEMBERS = {
  ...{ voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
};

describe("applying", () => {
  it("takes what is in the log, where another leader replaced what this replica had proposed", async () => {
    const applied: string[] = [];
    let index = 0;
    const applier = new Applier({
      machine: {
        ...REGISTER_MACHINE,
        apply: (context, command, view) => {
          const result = REGISTER_MACHINE.apply(context, command, view);
          applied.push(result.reply.kind === "done" ? result.reply.name : "");
          return result;
        },
      },
      codec: REGISTER_CODEC,
      digest: () => new Uint8Array(32),
      cache: new StateCache(),
      initial: {
        ...{ index: 0, term: 0, timeMs: 0, sequence: 0, firstSequence: 1, epoch: 0 },
        featureLevel: 1,
        confState: NO_MEMBERS,
        stateHash: new Uint8Array(32),
      },
      read: async (keys) => ({
        ranges: [],
        values: new Map(keys.map((key) => [key, undefined])),
      }),
      round: () => 1,
      applyConfChange: () => ({ confState: NO_MEMBERS, writes: [] }),
      nowMs: () => 0,
      applied: (results) => (index = results.at(-1)?.index ?? 0),
      posted: () => undefined,
      failed: (error) => {
        throw error;
      },
    });
    const entry = (term: number, value: string): Entry => ({
      ...{ index: 1, term, kind: "normal" },
      data: frameEntry(0, setCommand("key", value)),
    });
    const own = REGISTER_CODEC.decodeCommand(setCommand("key", "proposed here"));
    applier.remember(1, 1, own);
    applier.enqueue([entry(2, "committed")]);
    await eventually(() => index === 1);
    expect(applied).to.deep.equal(["committed"]);
  });
});
