import { expect } from "chai";
import type { Message } from "../../src/raft/index.js";
import { encodeConfChange } from "../../src/raft/index.js";
import {
  append,
  confOf,
  ELECTION_TICKS,
  entry,
  newStore,
  TestNetwork,
  TestReplica,
} from "./test-network.js";

const RUDE = { preVote: false, checkQuorum: false };

function vote(from: number, term: number, last = { index: 1, term: 1 }): Message {
  const { index: lastIndex, term: lastTerm } = last;
  return { kind: "vote", from, to: 1, term, lastIndex, lastTerm, transfer: false };
}

describe("an election", () => {
  it("makes the only voter a leader, but not before its vote is durable", () => {
    const replica = new TestReplica(1, newStore(confOf([1])));
    replica.isStalled = true;
    replica.group.campaign();
    replica.flush();
    expect(replica.group.status().role).to.equal("pre-candidate");
    replica.isStalled = false;
    replica.flush();
    expect(replica.group.status()).to.include({ role: "leader", term: 2, leader: 1 });
    expect(replica.store.hardState).to.include({ term: 2, vote: 1 });
  });

  it("begins when no leader was heard of for the election timeout", () => {
    const network = new TestNetwork(3);
    network.tick(2, ELECTION_TICKS - 1);
    expect(network.at(2).group.status().role).to.equal("follower");
    network.tick(2);
    expect(network.at(2).group.status().role).to.equal("leader");
    expect(network.at(3).group.status()).to.include({ role: "follower", leader: 2 });
  });

  it("is lost against a more complete log", () => {
    const network = new TestNetwork(3, RUDE);
    network.cutOff.add(3);
    network.elect(1);
    network.at(3).group.campaign();
    network.settle();
    network.cutOff.delete(3);
    network.at(3).group.campaign();
    network.settle();
    expect(network.at(3).group.status()).to.include({ role: "follower", term: 3 });
    expect(network.at(1).group.status()).to.include({ role: "follower", term: 3 });
  });

  it("is not won with the votes of learners, or of replicas that were removed", () => {
    const store = newStore({ ...confOf([1, 2, 3]), learners: [4] });
    const replica = new TestReplica(1, store, RUDE);
    replica.group.campaign();
    replica.flush();
    const { term } = replica.group.status();
    const grant = (from: number): Message => ({
      ...{ kind: "vote-response", from, to: 1, term, reject: false },
    });
    for (const from of [4, 5, 6]) replica.hear(grant(from));
    expect(replica.group.status().role).to.equal("candidate");
    replica.hear(grant(3));
    expect(replica.group.status().role).to.equal("leader");
  });

  it("is not entered by a learner", () => {
    const network = new TestNetwork(2, {}, 1);
    network.at(3).group.campaign();
    network.tick(3, 3 * ELECTION_TICKS);
    expect(network.at(3).group.status()).to.include({ role: "follower", term: 1 });
    const timeoutNow = { kind: "timeout-now", from: 1, to: 3, term: 1 } as const;
    expect(network.at(3).hear(timeoutNow)).to.deep.equal([]);
  });

  it("is not entered with a committed conf change that is not applied", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])), RUDE);
    const change = { transition: "auto", changes: [], context: new Uint8Array(1) } as const;
    const data = encodeConfChange({ ...change, changes: [{ kind: "add-voter", replica: 4 }] });
    const entries = [{ term: 1, index: 2, kind: "conf-change-v2", data } as const];
    replica.hear(append({ from: 2, to: 1, term: 1 }, { index: 1, term: 1 }, entries));
    replica.isStalled = true;
    replica.hear(append({ from: 2, to: 1, term: 1 }, { index: 2, term: 1 }, [], 2));
    for (const kind of ["timeout", "transfer"]) {
      if (kind === "timeout") replica.group.campaign();
      else replica.group.step({ kind: "timeout-now", from: 2, to: 1, term: 1 });
      expect(replica.group.status().role, kind).to.equal("follower");
    }
    replica.isStalled = false;
    replica.flush();
    replica.group.campaign();
    expect(replica.group.status().role).to.equal("candidate");
  });
});

describe("a voter", () => {
  it("votes once in a term, and repeats that vote", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    const reject = (message: Message): unknown =>
      replica.hear(message).map((answer) => "reject" in answer && answer.reject);
    expect(reject(vote(2, 1))).to.deep.equal([false]);
    expect(reject(vote(3, 1))).to.deep.equal([true]);
    expect(reject(vote(2, 1))).to.deep.equal([false]);
  });

  it("says nothing of its vote before it is durable", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    replica.isStalled = true;
    expect(replica.hear(vote(2, 1))).to.deep.equal([]);
    expect(replica.store.hardState.vote).to.equal(0);
    replica.isStalled = false;
    expect(replica.flush()).to.have.length(1);
    expect(replica.store.hardState.vote).to.equal(2);
  });

  it("ignores candidates while it hears from a leader, unless that leader sent them", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    replica.hear(append({ from: 2, to: 1, term: 1 }, { index: 1, term: 1 }, []));
    expect(replica.hear(vote(3, 9))).to.deep.equal([]);
    expect(replica.group.status().term).to.equal(1);
    replica.hear({ ...vote(3, 9), transfer: true } as Message);
    expect(replica.group.status()).to.include({ term: 9, vote: 3 });
  });

  it("that forgot its leader lets others campaign and stays in its term", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    replica.hear(append({ from: 2, to: 1, term: 1 }, { index: 1, term: 1 }, []));
    replica.group.forgetLeader();
    expect(replica.group.status()).to.include({ leader: 0, term: 1 });
    replica.hear(vote(3, 2));
    expect(replica.group.status().vote).to.equal(3);
  });
});

describe("a pre-vote", () => {
  it("changes neither terms nor votes where it fails", () => {
    const network = new TestNetwork(3, { checkQuorum: false });
    network.cutOff.add(3);
    network.elect(1);
    network.cutOff.delete(3);
    network.at(3).group.campaign();
    network.settle();
    expect(network.at(1).group.status()).to.include({ role: "leader", term: 2 });
    expect(network.at(3).group.status()).to.include({ vote: 0 });
  });

  it("granted for another term does not count", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    replica.group.campaign();
    replica.flush();
    replica.hear({ kind: "pre-vote-response", from: 2, to: 1, term: 7, reject: false });
    expect(replica.group.status().role).to.equal("pre-candidate");
    replica.hear({ kind: "pre-vote-response", from: 2, to: 1, term: 2, reject: false });
    expect(replica.group.status().role).to.equal("candidate");
  });
});

describe("a message of a lower term", () => {
  it("from a leader is answered with the term of now, so that it steps down", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    replica.hear(vote(3, 5));
    const answers = replica.hear(append({ from: 2, to: 1, term: 1 }, { index: 1, term: 1 }, []));
    expect(answers).to.have.length(1);
    expect(answers[0]).to.include({ kind: "append-response", to: 2, term: 5, index: 0 });
  });

  it("that asks for a pre-vote is refused with the term of now", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    replica.hear(vote(3, 5));
    const answers = replica.hear({ ...vote(2, 2), kind: "pre-vote" } as Message);
    expect(answers[0]).to.include({ kind: "pre-vote-response", term: 5, reject: true });
  });

  it("0 is refused where a term is due", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    const message = append({ from: 2, to: 1, term: 0 }, { index: 1, term: 0 }, [entry(0, 2)], 2);
    expect(replica.group.step(message)).to.deep.equal({ kind: "refused", reason: "malformed" });
    expect(replica.group.status()).to.include({ leader: 0, lastIndex: 1 });
  });
});

describe("a leader", () => {
  it("that no quorum answers steps down within two election timeouts", () => {
    const network = new TestNetwork(3);
    network.elect(1);
    network.cutOff.add(1);
    network.tick(1, 2 * ELECTION_TICKS);
    expect(network.at(1).group.status()).to.include({ role: "follower", leader: 0 });
  });

  it("that hears from a quorum stays", () => {
    const network = new TestNetwork(3);
    network.elect(1);
    network.cutOff.add(3);
    network.tick(1, 5 * ELECTION_TICKS);
    expect(network.at(1).group.status().role).to.equal("leader");
  });

  it("hands over although the others hear from it", () => {
    const network = new TestNetwork(3);
    network.elect(1);
    expect(network.at(1).group.transferLeader(3)).to.deep.equal({ kind: "accepted" });
    network.settle();
    expect(network.at(3).group.status()).to.include({ role: "leader", term: 3 });
    expect(network.at(1).group.status()).to.include({ role: "follower", leader: 3 });
  });

  it("takes no proposals while it hands over, and goes on after an election timeout", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    network.cutOff.add(3);
    leader.group.transferLeader(3);
    network.settle();
    expect(leader.group.propose([new Uint8Array(1)])).to.include({ reason: "transferring" });
    network.tick(1, ELECTION_TICKS);
    expect(leader.group.propose([new Uint8Array(1)])).to.include({ kind: "accepted" });
  });

  it("does not hand over to a learner or a stranger", () => {
    const network = new TestNetwork(2, {}, 1);
    const leader = network.elect(1);
    for (const to of [3, 9]) {
      expect(leader.group.transferLeader(to)).to.include({ reason: "not-a-member" });
    }
    expect(leader.group.status().transferee).to.equal(0);
  });
});
