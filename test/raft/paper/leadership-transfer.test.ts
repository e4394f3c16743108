import { expect } from "chai";
import { bytes, ELECTION_TICKS, TestNetwork, TestReplica } from "../test-network.js";
import {
  acknowledge,
  appliedOf,
  PLAIN,
  replicaWith,
  requestVote,
  settledLeader,
} from "./plain-raft.js";

describe("what is stored, and leadership transfer (Ongaro's dissertation, chapter 3)", () => {
  it("3.8: a server that restarts needs only its term, vote and log", () => {
    const before = settledLeader({ terms: [1, 1] });
    const { term, vote } = before.store.hardState;
    const after = replicaWith({ terms: [1, 1, term], term, vote });
    const status = { role: "follower", term, vote: 1, commit: 0, lastIndex: 3 };
    expect(after.group.status()).to.include(status);
  });

  it("3.8: a commit index that was lost comes back with the next leader's first entry", () => {
    const network = new TestNetwork(0);
    for (const id of [1, 2, 3]) network.replicas.push(replicaWith({ id, terms: [1, 1, 1] }));
    network.elect(2);
    network.tick(2);
    for (const { group } of network.replicas) expect(group.status().commit).to.equal(4);
  });

  it("3.8: a state that survived is not applied again", () => {
    const network = new TestNetwork(3, PLAIN);
    network.elect(1).group.propose([bytes("x")]);
    network.settle();
    network.tick(1);
    const { store } = network.at(2);
    expect(store.applied).to.equal(3);
    const again = new TestReplica(2, store.copy(), PLAIN);
    network.replicas[1] = again;
    network.at(1).group.propose([bytes("y")]);
    network.settle();
    network.tick(1);
    expect(appliedOf(again)).to.deep.equal([4]);
  });

  it("3.10: a leader takes no commands from the moment that it hands over", () => {
    const leader = settledLeader();
    leader.group.transferLeader(2);
    expect(leader.group.propose([bytes("x")])).to.include({ reason: "transferring" });
  });

  it("3.10: the target first gets the whole log, and only then the order to campaign", () => {
    const leader = settledLeader();
    leader.group.propose([bytes("x")]);
    leader.flush();
    leader.group.transferLeader(2);
    expect(leader.flush().map(({ kind }) => kind)).not.to.include("timeout-now");
    const said = leader.hear(acknowledge(2, 1, 1, 2));
    expect(said.filter(({ kind }) => kind === "timeout-now")).to.deep.equal([
      { kind: "timeout-now", from: 1, to: 2, term: 1 },
    ]);
  });

  it("3.10: the target campaigns at once, in the next term, although it hears a leader", () => {
    const target = replicaWith({ terms: [1] }, { preVote: true, checkQuorum: true });
    target.hear({ kind: "heartbeat", from: 2, to: 1, term: 1, commit: 0, readRound: 0 });
    const said = target.hear({ kind: "timeout-now", from: 2, to: 1, term: 1 });
    const request = requestVote(1, 2, 2, { index: 1, term: 1 });
    expect(said[0]).to.deep.equal({ ...request, transfer: true });
  });

  it("3.10: the former leader steps down when it hears of the target's term", () => {
    const network = new TestNetwork(3);
    network.elect(1).group.transferLeader(2);
    network.settle();
    expect(network.at(1).group.status()).to.include({ role: "follower", leader: 2, term: 3 });
    expect(network.at(2).group.status().role).to.equal("leader");
  });

  it("3.10: a hand-over that takes an election timeout is given up", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    network.cutOff.add(2);
    leader.group.transferLeader(2);
    network.tick(1, ELECTION_TICKS);
    expect(leader.group.status()).to.include({ role: "leader", transferee: 0 });
    expect(leader.group.propose([bytes("x")])).to.include({ kind: "accepted" });
  });

  it("3.10: nobody hands over to itself, to a learner, or to a stranger", () => {
    const leader = settledLeader({ voters: [1, 2], learners: [3] });
    for (const to of [1, 3, 9]) {
      leader.group.transferLeader(to);
      expect(leader.flush().map(({ kind }) => kind)).not.to.include("timeout-now");
      expect(leader.group.status().transferee).to.equal(0);
    }
  });
});
