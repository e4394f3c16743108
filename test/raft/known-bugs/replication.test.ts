import { expect } from "chai";
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

function expectOrderedProgress(leader: TestReplica): void {
  for (const { id, match, next } of leader.group.status().followers) {
    expect(match, `of ${id}`).to.be.below(next);
  }
}

describe("known bugs of replication", () => {
  // https://github.com/etcd-io/etcd/issues/14633
  it("etcd#14633: a full window of appends that were all lost does not end the stream", () => {
    const network = new TestNetwork(2, { maxInflightMessages: 3 });
    const leader = network.elect(1);
    network.cutOff.add(2);
    for (let at = 0; at < 10; at++) {
      leader.group.propose([bytes(`x${at}`)]);
      network.settle();
      expectOrderedProgress(leader);
    }
    expect(leader.group.status().followers[1]).to.include({ inflight: 3, inflightFull: true });
    network.cutOff.clear();
    network.tick(1, 3);
    expectOrderedProgress(leader);
    expect(network.at(2).store.lastIndex()).to.equal(12);
    expect(leader.group.status().commit).to.equal(12);
  });

  // https://github.com/etcd-io/raft/pull/31 https://github.com/etcd-io/raft/issues/149
  it("raft#31: a log that is compacted under a slow follower's window sends it a snapshot", () => {
    const network = new TestNetwork(3, { maxInflightMessages: 2 });
    const leader = network.elect(1);
    network.cutOff.add(3);
    for (let at = 0; at < 10; at++) {
      leader.group.propose([bytes(`x${at}`)]);
      network.settle();
    }
    leader.store.compact(12);
    expectOrderedProgress(leader);
    network.cutOff.clear();
    for (let ticks = 0; ticks < 4; ticks++) {
      network.tick(1);
      expectOrderedProgress(leader);
    }
    expect(network.at(3).group.status()).to.include({ firstIndex: 13, commit: 12 });
  });

  // https://github.com/databendlabs/openraft/commit/9540c904
  it("async-raft 9540c904: an old append that comes late takes nothing away that matches", () => {
    const follower = new TestReplica(1, newStore(confOf([1, 2, 3])));
    const from2 = { from: 2, to: 1, term: 2 };
    const entries = [entry(2, 2, "a"), entry(2, 3, "b"), entry(2, 4, "c")];
    // Nothing of it is committed: what is would be safe for another reason.
    follower.hear(append(from2, { index: 1, term: 1 }, entries, 1));
    for (const late of [entries.slice(0, 1), entries.slice(0, 2), []]) {
      follower.hear(append(from2, { index: 1, term: 1 }, late, 1));
      expect(follower.store.lastIndex()).to.equal(4);
    }
    follower.hear(append(from2, { index: 4, term: 2 }, [], 4));
    expect(follower.applied.map(({ index }) => index)).to.deep.equal([2, 3, 4]);
  });

  // https://github.com/hashicorp/raft/issues/612 https://github.com/hashicorp/raft/issues/666
  it("hashicorp#612: a follower whose disk hung for long is sent what it missed as soon as it works again", () => {
    const network = new TestNetwork(3, { maxInflightMessages: 4 });
    const leader = network.elect(1);
    const follower = network.at(3);
    follower.isStalled = true;
    for (let ticks = 0; ticks < 10 * ELECTION_TICKS; ticks++) {
      leader.group.propose([bytes("x")]);
      network.tick(1);
    }
    expect(leader.group.status()).to.include({ role: "leader", commit: 102 });
    expect(follower.store.lastIndex()).to.be.below(10);
    follower.isStalled = false;
    network.settle();
    network.tick(1, 2);
    expect(follower.store.lastIndex()).to.equal(102);
    expect(leader.group.status().followers[2]).to.include({ state: "replicate", match: 102 });
  });

  // https://github.com/cockroachdb/cockroach/issues/27772 https://github.com/etcd-io/etcd/issues/10167
  it("cockroach#27772: a leader without a quorum takes no more than its limit, however often it is asked", () => {
    const network = new TestNetwork(3, { maxUncommittedBytes: 1_000, checkQuorum: false });
    const leader = network.elect(1);
    network.cutOff.add(2).add(3);
    let refused = 0;
    for (let at = 0; at < 1_000; at++) {
      const outcome = leader.group.propose([new Uint8Array(100)]);
      if (outcome.kind === "refused") {
        expect(outcome.reason).to.equal("log-full");
        refused += 1;
      }
      if (at % 100 === 0) network.tick(1);
    }
    expect(leader.group.status().lastIndex).to.equal(2 + 10);
    expect(refused).to.equal(990);
    // What is empty always fits: a membership can be left, and a term be begun.
    expect(leader.group.propose([new Uint8Array(0)])).to.include({ kind: "accepted" });
  });
});
