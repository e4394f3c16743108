import { expect } from "chai";
import { bytes, TestNetwork } from "./test-network.js";

describe("a linearizable read", () => {
  it("on the leader is confirmed by a quorum", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    expect(leader.group.readIndex(7)).to.deep.equal({ kind: "accepted" });
    leader.flush();
    expect(leader.reads).to.deep.equal([]);
    network.cutOff.add(3);
    leader.group.readIndex(8);
    network.settle();
    expect(leader.reads).to.deep.equal([
      { index: 2, context: 7 },
      { index: 2, context: 8 },
    ]);
  });

  it("on a follower is answered by the leader", () => {
    const network = new TestNetwork(3);
    network.elect(1);
    network.at(2).group.readIndex(7);
    network.settle();
    expect(network.at(2).reads).to.deep.equal([{ index: 2, context: 7 }]);
  });

  it("is refused where no leader is known", () => {
    const network = new TestNetwork(3);
    expect(network.at(2).group.readIndex(7)).to.include({ reason: "no-leader" });
  });

  it("is never answered by a leader that is cut off", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    network.cutOff.add(1);
    leader.group.readIndex(7);
    network.tick(1, 5);
    expect(leader.reads).to.deep.equal([]);
  });

  it("waits for the first commit of the leader's term", () => {
    const network = new TestNetwork(3);
    const leader = network.at(1);
    leader.group.campaign();
    let messages = leader.flush();
    for (let round = 0; leader.group.status().role !== "leader"; round++) {
      const answers = messages.flatMap((message) => network.at(message.to).hear(message));
      messages = answers.flatMap((answer) => leader.hear(answer));
      if (round > 5) throw new Error("no leader");
    }
    leader.group.readIndex(7);
    const beats = leader.tick(1).filter((message) => message.kind === "heartbeat");
    for (const beat of beats) {
      for (const answer of network.at(beat.to).hear(beat)) leader.hear(answer);
    }
    expect(leader.reads).to.deep.equal([]);
    network.settle(messages);
    expect(leader.reads).to.deep.equal([{ index: 2, context: 7 }]);
  });

  it("even of the only voter waits for that commit", () => {
    const network = new TestNetwork(1);
    const leader = network.at(1);
    leader.group.campaign();
    while (leader.group.status().role !== "leader") {
      const { append } = leader.group.ready();
      for (const message of append?.responses ?? []) leader.group.step(message);
    }
    leader.group.readIndex(7);
    expect(leader.group.ready().readStates).to.deep.equal([]);
  });

  it("is not confirmed by an answer to an earlier round", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    leader.group.readIndex(7);
    const [beat] = leader.flush();
    expect(beat).to.include({ kind: "heartbeat", readRound: 1 });
    const late = { kind: "heartbeat-response", from: 2, to: 1, term: 2, readRound: 1 } as const;
    leader.hear(late);
    expect(leader.reads).to.have.length(1);
    leader.group.readIndex(8);
    leader.flush();
    leader.hear(late);
    leader.hear({ ...late, from: 3 });
    expect(leader.reads).to.have.length(1);
    leader.hear({ ...late, readRound: 2 });
    expect(leader.reads).to.have.length(2);
  });

  it("shares its round with all that came before the round began", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    for (let context = 1; context <= 100; context++) leader.group.readIndex(context);
    expect(leader.flush()).to.have.length(2);
    network.tick(1);
    expect(leader.reads).to.have.length(100);
  });

  it("sees every write that was committed before it was asked for", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    leader.group.propose([bytes("a")]);
    network.settle();
    network.at(3).group.readIndex(7);
    network.settle();
    expect(network.at(3).reads).to.deep.equal([{ index: 3, context: 7 }]);
  });
});
