import { expect } from "chai";
import type { Message } from "../../src/raft/index.js";
import type { PeerMessage } from "../../src/runtime/index.js";
import { eventually } from "../support/eventually.js";
import { ELECTION_TICKS, LoneNode, PEERS, SELF, TICK_MS } from "../support/lone-node.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

describe("a follower whose event loop stalled", () => {
  const [LEADER] = PEERS;
  let node: LoneNode;

  beforeEach(async () => {
    node = await LoneNode.start();
  });
  afterEach(() => node.stop());

  it("reads what waits for it before it thinks of an election", async () => {
    const { clock, sent } = node;
    const heartbeat: Message = {
      kind: "heartbeat",
      from: LEADER,
      to: SELF,
      term: 1,
      commit: 0,
      readRound: 0,
    };
    const hear = (): void => node.hear(heartbeat);
    await clock.turn(TICK_MS, hear);
    expect(node.status.leader).to.equal(LEADER);

    const elections = (): number =>
      sent.filter(({ kind }) => kind === "pre-vote" || kind === "vote").length;
    for (let round = 0; round < 10; round++) {
      // As late as a follower may be, and then a stall in which the leader went on speaking.
      await clock.turn(0, hear);
      await node.ticks(ELECTION_TICKS - 1);
      await clock.turn(100 * TICK_MS, hear);
      expect(elections()).to.equal(0);
    }
    await node.ticks(2 * ELECTION_TICKS);
    expect(elections(), "the leader is silent").to.be.greaterThan(0);
  });
});

describe("a node that hears from nobody", () => {
  let node: LoneNode;

  beforeEach(async () => {
    node = await LoneNode.start();
  });
  afterEach(() => node.stop());

  it("asks whether it would be elected, and stays in its term", async () => {
    const { term } = node.status;
    await node.ticks(10 * ELECTION_TICKS);
    const kinds = new Set(node.sent.map(({ kind }) => kind));
    expect([...kinds]).to.deep.equal(["pre-vote"]);
    expect(node.status.term).to.equal(term);
  });

  it("no longer leads after two election timeouts", async () => {
    await node.lead();
    await node.ticks(2 * ELECTION_TICKS);
    expect(node.status.role).to.not.equal("leader");
  });
});

describe("a node that leads several groups", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;

  afterEach(async () => {
    await cluster.stop();
  });

  it("tells each peer in one message that it is there", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(1, "k", "v");
    await cluster.set(2, "k", "v");
    const node = await eventually(async () => {
      const { node: first } = await cluster.leader(1);
      const { node: second, replica } = await cluster.leader(2);
      if (first === second) return first;
      const there = replica.status().members.find((member) => member.node === first);
      await replica.transferLeader(there?.replica);
      return undefined;
    });
    const frames: (readonly PeerMessage[])[] = [];
    cluster.network.sending = (from, _to, messages) => {
      if (from === node) frames.push(messages);
    };
    const beats = await eventually(() => {
      const found = frames.filter((frame) =>
        frame.some(({ message }) => message.kind === "heartbeat"),
      );
      return found.length >= 10 ? found : undefined;
    });
    for (const frame of beats) {
      const shards = frame.filter(({ message }) => message.kind === "heartbeat");
      expect(shards.map(({ shard }) => shard)).to.have.members([1, 2]);
    }
  });
});
