import { expect } from "chai";
import type { Message } from "../../../src/raft/index.js";
import { append, bytes, confOf, entry, TestNetwork } from "../test-network.js";
import { appliedOf, PLAIN, replicaWith, termsOf } from "./plain-raft.js";

function snapshot(index: number, term: number, voters = [1, 2, 3]): Message {
  const meta = { index, term, confState: confOf(voters) };
  const content = { meta, data: bytes("state") };
  return { kind: "snapshot", from: 2, to: 1, term, snapshot: content };
}

describe("log compaction (Raft paper, 7)", () => {
  it("7: a snapshot covers only what is committed, each server's on its own", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    network.cutOff.add(2).add(3);
    leader.group.propose([bytes("not committed")]);
    network.settle();
    for (const { store, group } of network.replicas) {
      expect(store.snapshot()?.meta.index).to.be.at.most(group.status().commit);
    }
    network.at(2).store.compact(2);
    expect(network.at(2).store.firstIndex()).to.equal(3);
    expect(leader.store.firstIndex()).to.equal(2);
  });

  it("7: the term before the first entry is kept, so that the entry after it can be checked", () => {
    const follower = replicaWith();
    follower.hear(snapshot(5, 2));
    const from2 = { from: 2, to: 1, term: 3 };
    const [refused] = follower.hear(append(from2, { index: 5, term: 3 }, [entry(3, 6)]));
    expect(refused).to.include({ kind: "append-response" });
    expect(follower.group.status().lastIndex).to.equal(5);
    follower.hear(append(from2, { index: 5, term: 2 }, [entry(3, 6)]));
    expect(follower.group.status().lastIndex).to.equal(6);
  });

  it("7: a snapshot brings the membership of its last entry", () => {
    const follower = replicaWith();
    follower.hear(snapshot(5, 2, [1, 2, 3, 4, 5]));
    expect(follower.group.status().confState).to.deep.equal(confOf([1, 2, 3, 4, 5]));
  });

  it("7: a leader sends one where the follower needs what it has discarded", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    network.cutOff.add(3);
    for (const text of ["a", "b", "c"]) leader.group.propose([bytes(text)]);
    network.settle();
    leader.store.compact(5);
    network.cutOff.clear();
    network.tick(1, 3);
    expect(network.at(3).group.status()).to.include({ firstIndex: 6, commit: 5, applied: 5 });
    expect(appliedOf(network.at(3))).to.deep.equal([2]);
    leader.group.propose([bytes("d")]);
    network.settle();
    expect(network.at(3).group.status().lastIndex).to.equal(6);
  });

  it("7: a snapshot that is news replaces the whole log", () => {
    const follower = replicaWith({ terms: [1, 1, 1] });
    follower.hear(snapshot(2, 2));
    expect(follower.group.status()).to.include({ firstIndex: 3, lastIndex: 2, commit: 2 });
    expect(termsOf(follower)).to.deep.equal([]);
  });

  it("7: a snapshot of a prefix of the log keeps what comes after it", () => {
    const follower = replicaWith({ terms: [1, 1, 1] });
    const [answer] = follower.hear(snapshot(2, 1));
    expect(answer).to.include({ kind: "append-response", index: 2, reject: false });
    expect(follower.group.status()).to.include({ lastIndex: 3, commit: 2 });
    expect(termsOf(follower).at(-1)).to.equal(1);
  });

  it("7: an old snapshot has no effect, and is answered with what is committed", () => {
    const follower = replicaWith({ terms: [1, 1, 1], commit: 3 });
    const [answer] = follower.hear(snapshot(2, 1));
    expect(answer).to.include({ kind: "append-response", index: 3, reject: false });
    expect(termsOf(follower)).to.deep.equal([1, 1, 1]);
  });

  it("7: a snapshot is acknowledged only when it is durable", () => {
    const follower = replicaWith();
    follower.isStalled = true;
    expect(follower.hear(snapshot(5, 1))).to.deep.equal([]);
    follower.isStalled = false;
    expect(follower.flush()[0]).to.include({ kind: "append-response", index: 5, reject: false });
  });
});
