import { expect } from "chai";
import {
  bytes,
  confOf,
  ELECTION_TICKS,
  entry,
  newStore,
  TestNetwork,
  TestReplica,
} from "../test-network.js";
import {
  acknowledge,
  heartbeat,
  makeLeader,
  PLAIN,
  replicaWith,
  settledLeader,
} from "./plain-raft.js";

describe("clients (Raft paper, 8; Ongaro's dissertation, chapter 6)", () => {
  it("8: a follower refuses a command and names the leader of which it heard last", () => {
    const follower = replicaWith();
    follower.hear(heartbeat(2, 1, 1));
    const refusal = follower.group.propose([bytes("x")]);
    expect(refusal).to.deep.equal({ kind: "refused", reason: "not-leader", leader: 2 });
    follower.hear(heartbeat(3, 1, 2));
    expect(follower.group.propose([bytes("x")])).to.include({ leader: 3 });
  });

  it("8: a candidate refuses a command and knows no leader", () => {
    const candidate = replicaWith();
    candidate.group.campaign();
    candidate.flush();
    const refusal = candidate.group.propose([bytes("x")]);
    expect(refusal).to.deep.equal({ kind: "refused", reason: "no-leader" });
  });

  it("8: a leader begins its term with an empty entry", () => {
    const leader = replicaWith({ terms: [1], term: 1 });
    makeLeader(leader);
    leader.flush();
    const [last] = leader.store.entries(2, 3, Infinity);
    expect(last).to.deep.equal(entry(2, 2));
  });

  it("8: a read waits until the leader has committed in its own term", () => {
    const leader = replicaWith({ terms: [1, 1], term: 1, commit: 1 });
    makeLeader(leader);
    leader.group.readIndex(7);
    leader.flush();
    leader.hear({ kind: "heartbeat-response", from: 2, to: 1, term: 2, readRound: 1 });
    expect(leader.reads).to.deep.equal([]);
    leader.hear(acknowledge(2, 1, 2, 3));
    leader.hear({ kind: "heartbeat-response", from: 2, to: 1, term: 2, readRound: 1 });
    expect(leader.reads).to.deep.equal([{ index: 3, context: 7 }]);
  });

  it("8: a leader that was deposed without noticing answers no read", () => {
    const network = new TestNetwork(3, PLAIN);
    const former = network.elect(1);
    network.cutOff.add(1);
    network.elect(2).group.propose([bytes("newer")]);
    network.settle();
    former.group.readIndex(7);
    network.tick(1, 3);
    expect(former.group.status().role).to.equal("leader");
    expect(former.reads).to.deep.equal([]);
    network.cutOff.clear();
    network.tick(2, 3);
    expect(former.reads).to.deep.equal([]);
    expect(former.group.status().role).to.equal("follower");
  });

  it("dissertation 6.2: a leader that reaches no majority for an election timeout steps down", () => {
    const network = new TestNetwork(5);
    const leader = network.elect(1);
    network.cutOff.add(3).add(4).add(5);
    network.tick(1, 2 * ELECTION_TICKS);
    expect(leader.group.status()).to.include({ role: "follower", leader: 0 });
    expect(leader.group.propose([bytes("x")])).to.include({ reason: "no-leader" });
  });

  it("dissertation 6.2: a leader that reaches a majority stays", () => {
    const network = new TestNetwork(5);
    const leader = network.elect(1);
    network.cutOff.add(4).add(5);
    network.tick(1, 5 * ELECTION_TICKS);
    expect(leader.group.status().role).to.equal("leader");
  });

  it("dissertation 6.4: a read is served at the commit index of when it was asked for", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    leader.group.readIndex(7);
    const beats = leader.flush();
    leader.group.propose([bytes("later")]);
    network.settle(beats);
    expect(leader.group.status().commit).to.equal(3);
    expect(leader.reads).to.deep.equal([{ index: 2, context: 7 }]);
  });

  it("dissertation 6.4: a read needs the answers of a majority to heartbeats sent after it", () => {
    const leader = settledLeader({ voters: [1, 2, 3, 4, 5] });
    const [early] = leader.tick(1);
    expect(early).to.include({ kind: "heartbeat", readRound: 0 });
    leader.group.readIndex(7);
    const beats = leader.flush();
    expect(beats).to.have.length(4);
    const answer = { kind: "heartbeat-response", to: 1, term: 1 } as const;
    for (const from of [2, 3, 4, 5]) leader.hear({ ...answer, from, readRound: 0 });
    leader.hear({ ...answer, from: 2, readRound: 1 });
    leader.hear({ ...answer, from: 2, readRound: 1 });
    expect(leader.reads).to.deep.equal([]);
    leader.hear({ ...answer, from: 3, readRound: 1 });
    expect(leader.reads).to.have.length(1);
  });

  it("dissertation 6.4: one round of heartbeats serves all reads that came before it", () => {
    const leader = settledLeader();
    for (let context = 1; context <= 1_000; context++) leader.group.readIndex(context);
    expect(leader.flush()).to.have.length(2);
    leader.hear({ kind: "heartbeat-response", from: 2, to: 1, term: 1, readRound: 1 });
    expect(leader.reads).to.have.length(1_000);
  });

  it("dissertation 6.4: a follower serves reads at an index that it asks the leader for", () => {
    const network = new TestNetwork(3, PLAIN);
    network.elect(1);
    const follower = network.at(3);
    follower.group.readIndex(7);
    expect(follower.flush()).to.deep.equal([
      { kind: "read-index", from: 3, to: 1, term: 0, context: 7 },
    ]);
    follower.group.readIndex(8);
    network.settle();
    expect(follower.reads).to.deep.equal([{ index: 2, context: 8 }]);
  });

  it("dissertation 6.4.1: a lease counts only with a leader that steps down by itself", () => {
    const config = { readOnly: "lease-based", checkQuorum: false } as const;
    const start = (): unknown => new TestReplica(1, newStore(confOf([1])), config);
    expect(start).to.throw("lease-based reads need checkQuorum");
  });
});
