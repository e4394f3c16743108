import { expect } from "chai";
import type { AppendWork } from "../../../src/raft/index.js";
import {
  append,
  bytes,
  confOf,
  ELECTION_TICKS,
  entry,
  newStore,
  TestNetwork,
  TestReplica,
} from "../test-network.js";

const START = { index: 1, term: 1 };

function workOf(replica: TestReplica): AppendWork {
  const { append: work } = replica.group.ready();
  if (work === undefined) throw new Error("nothing is written");
  return work;
}

describe("known bugs of what is durable", () => {
  // https://github.com/etcd-io/etcd/issues/14370
  it("etcd#14370: the only voter commits nothing while its disk still writes it", () => {
    const network = new TestNetwork(1);
    const leader = network.elect(1);
    leader.isStalled = true;
    leader.group.propose([bytes("x")]);
    leader.flush();
    leader.tick(3 * ELECTION_TICKS);
    expect(leader.group.status()).to.include({ commit: 2, applied: 2 });
    const afterCrash = new TestReplica(1, leader.store.copy());
    expect(afterCrash.group.status().lastIndex).to.equal(2);
    leader.isStalled = false;
    leader.flush();
    expect(leader.group.status()).to.include({ commit: 3, applied: 3 });
  });

  // https://github.com/etcd-io/raft/pull/8
  it("raft#8: a write that ends late confirms nothing where other entries took the place of its own", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    const { group } = replica;
    // A leads, then B, then A again with the entry that it had before.
    group.step(append({ from: 2, to: 1, term: 2 }, START, [entry(2, 2), entry(2, 3)]));
    const first = workOf(replica);
    group.step(append({ from: 3, to: 1, term: 3 }, START, [entry(3, 2)]));
    const second = workOf(replica);
    group.step(append({ from: 2, to: 1, term: 4 }, START, [entry(2, 2), entry(2, 3)], 3));
    const third = workOf(replica);
    for (const work of [first, second]) {
      replica.store.persist(work);
      if (work.done !== undefined) group.appended(work.done);
      expect(group.hasReady(), "committed entries are not yet durable").to.equal(false);
    }
    replica.store.persist(third);
    if (third.done !== undefined) group.appended(third.done);
    expect(group.ready().apply?.entries.map(({ index }) => index)).to.deep.equal([2, 3]);
  });

  // https://github.com/databendlabs/openraft/commit/2af491fb
  it("openraft, the order of writes: entries and the term in which they came are one write", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    replica.group.step(append({ from: 2, to: 1, term: 5 }, START, [entry(5, 2)], 2));
    const work = workOf(replica);
    expect(work).to.deep.include({ mustSync: true, hardState: { term: 5, vote: 0, commit: 2 } });
    expect(work.entries).to.deep.equal([entry(5, 2)]);
    expect(replica.group.hasReady()).to.equal(false);
  });

  // https://github.com/etcd-io/etcd/issues/10166 https://github.com/cockroachdb/cockroach/issues/171485
  it("etcd#10166: a follower that lost what it had acknowledged does not stop, does not vote, and is repaired", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    for (const text of ["a", "b", "c"]) leader.group.propose([bytes(text)]);
    network.settle();
    network.tick(1);
    // The disk comes back as it was at the start; the term, the vote and the promise are known from elsewhere.
    const empty = newStore(confOf([1, 2, 3]));
    empty.hardState = { term: 2, vote: 1, commit: 1 };
    const mustReach = { index: 5, term: 2 };
    const follower = new TestReplica(3, empty, { mustReach });
    network.replicas[2] = follower;
    // The leader believes that 3 has everything, and says so: a commit index that is beyond its log.
    const beyond = { from: 1, to: 3, term: 2, commit: 5, readRound: 0 } as const;
    expect(() => follower.hear({ kind: "heartbeat", ...beyond })).not.to.throw();
    const ask = { lastIndex: 9, lastTerm: 9, transfer: true };
    const refusal = follower.hear({ kind: "vote", from: 2, to: 3, term: 2, ...ask });
    expect(refusal[0]).to.include({ reject: true });
    network.tick(1, 3);
    leader.group.propose([bytes("d")]);
    network.settle();
    network.tick(1, 2);
    const texts = follower.applied.map(({ data }) => new TextDecoder().decode(data));
    expect(texts).to.deep.equal(["", "a", "b", "c", "d"]);
    expect(follower.group.status().quarantined).to.equal(false);
  });

  // https://github.com/etcd-io/etcd/issues/14140 https://github.com/etcd-io/raft/pull/105
  it("etcd#14140: a read after a restart sees what was applied, though less is stored of the commit index", () => {
    const network = new TestNetwork(1);
    const leader = network.elect(1);
    leader.group.propose([bytes("x")]);
    network.settle();
    const store = leader.store.copy();
    store.hardState = { ...store.hardState, commit: 2 };
    const again = new TestReplica(1, store);
    expect(again.group.readIndex(7)).to.include({ kind: "refused", reason: "no-leader" });
    again.group.campaign();
    again.flush();
    again.group.readIndex(7);
    again.flush();
    expect(again.reads[0]?.index).to.be.at.least(3);
  });
});
