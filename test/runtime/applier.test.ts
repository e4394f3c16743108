import { createHash } from "node:crypto";
import { expect } from "chai";
import { InvariantViolation } from "../../src/base/index.js";
import type { Machine, StateKey } from "../../src/machine/index.js";
import type { Entry } from "../../src/raft/index.js";
import { Applier } from "../../src/runtime/applier.js";
import { frameEntry } from "../../src/runtime/entry-frame.js";
import { StateCache } from "../../src/runtime/state-cache.js";
import { eventually } from "../support/eventually.js";
import { REGISTER_CODEC, REGISTER_MACHINE, setCommand } from "../support/register-machine.js";

const NO_MEMBERS = {
  ...{ voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
};

type Apply = Machine["apply"];

class Replica {
  readonly cache = new StateCache();
  readonly applier: Applier;
  loads = 0;
  applied = 0;
  failure: unknown;

  constructor(apply: Apply, absent: (key: StateKey) => boolean = () => true) {
    this.applier = new Applier({
      machine: { ...REGISTER_MACHINE, apply },
      codec: REGISTER_CODEC,
      digest: (bytes) => createHash("sha256").update(bytes).digest(),
      cache: this.cache,
      initial: {
        ...{ index: 0, term: 0, timeMs: 0, sequence: 0, firstSequence: 1, epoch: 0 },
        featureLevel: 1,
        confState: NO_MEMBERS,
        stateHash: new Uint8Array(32),
      },
      read: async (keys) => {
        this.loads++;
        const values = keys.filter(absent).map((key) => [key, undefined] as const);
        return { ranges: [], values: new Map(values) };
      },
      round: () => 1,
      applyConfChange: () => ({ confState: NO_MEMBERS, writes: [] }),
      nowMs: () => 0,
      applied: (results) => (this.applied = results.at(-1)?.index ?? 0),
      posted: () => undefined,
      failed: (error) => (this.failure = error),
    });
  }
}

function entry(term: number, value: string): Entry {
  return { index: 1, term, kind: "normal", data: frameEntry(0, setCommand("key", value)) };
}

describe("applying", () => {
  it("takes what is in the log, where another leader replaced what this replica had proposed", async () => {
    const applied: string[] = [];
    const replica = new Replica((context, command, view) => {
      const result = REGISTER_MACHINE.apply(context, command, view);
      applied.push(result.reply.kind === "done" ? result.reply.name : "");
      return result;
    });
    const own = REGISTER_CODEC.decodeCommand(setCommand("key", "proposed here"));
    replica.applier.remember(1, 1, own);
    replica.applier.enqueue([entry(2, "committed")]);
    await eventually(() => replica.applied === 1);
    expect(applied).to.deep.equal(["committed"]);
  });

  describe("a command that asks for one row after the other", () => {
    const keys = Array.from({ length: 300 }, (_, n) => `k/${n}`);
    const slow: Apply = (context, command, view) => {
      for (const key of keys) view.get(key);
      return REGISTER_MACHINE.apply(context, command, view);
    };

    it("comes to the same on a replica that has nothing in memory and on one that has all", async () => {
      const cold = new Replica(slow);
      const warm = new Replica(slow);
      for (const key of [...keys, "v/key"]) warm.cache.fill(key, undefined);
      for (const { applier } of [cold, warm]) applier.enqueue([entry(1, "set")]);
      await eventually(() => cold.applied === 1 && warm.applied === 1);
      expect([cold.loads, warm.loads]).to.deep.equal([keys.length + 1, 0]);
      expect(cold.applier.state).to.deep.equal(warm.applier.state);
    });

    it("ends the replica whose store does not bring what it was asked for", async () => {
      const replica = new Replica(slow, (key) => key !== "k/7");
      replica.applier.enqueue([entry(1, "set")]);
      await eventually(() => replica.failure !== undefined);
      expect(replica.failure).to.be.instanceOf(InvariantViolation);
    });
  });
});
