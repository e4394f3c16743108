import { expect } from "chai";
import type { ChangeKind, Message, RaftConfig } from "../../../src/raft/index.js";
import { SeededRandom } from "../seeded-random.js";
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

const PLAIN = { preVote: false, checkQuorum: false };

function withChance(seed: number): Pick<RaftConfig, "randomTicks"> {
  const random = new SeededRandom(seed);
  return { randomTicks: random.between.bind(random) };
}

function vote(kind: "vote" | "pre-vote", from: number, to: number, term: number): Message {
  return { kind, from, to, term, lastIndex: 9, lastTerm: term - 1, transfer: false };
}

describe("known bugs of learners", () => {
  // https://github.com/etcd-io/etcd/issues/10998 https://github.com/tikv/raft-rs/issues/57
  it("etcd#10998: a voter that has not heard of its promotion votes all the same", () => {
    const network = new TestNetwork(2, PLAIN, 1);
    const leader = network.elect(1);
    network.cutOff.add(3);
    const changes: { kind: ChangeKind; replica: number }[] = [{ kind: "add-voter", replica: 3 }];
    leader.group.proposeConfChange({ transition: "auto", changes, context: bytes("") });
    network.settle();
    network.tick(1, 2);
    expect(network.at(2).group.status().confState.voters).to.deep.equal([1, 2, 3]);
    network.cutOff.clear();
    network.cutOff.add(1);
    expect(network.at(3).group.status().confState).to.deep.equal(confOf([1, 2], [3]));
    expect(network.elect(2).group.status().role).to.equal("leader");
  });

  // https://github.com/redpanda-data/redpanda/issues/8495 https://github.com/eBay/NuRaft/issues/553
  it("redpanda#8495: a learner becomes a leader neither by time, nor when asked, nor by order", () => {
    const network = new TestNetwork(2, PLAIN, 1);
    const leader = network.elect(1);
    const learner = network.at(3);
    learner.tick(5 * ELECTION_TICKS);
    learner.group.campaign();
    learner.hear({ kind: "timeout-now", from: 1, to: 3, term: 2 });
    expect(learner.group.status()).to.include({ role: "follower", term: 2 });
    expect(leader.group.transferLeader(3)).to.include({ reason: "not-a-member" });
    leader.hear({ kind: "transfer-leader", from: 3, to: 1, term: 0 });
    expect(leader.group.status().transferee).to.equal(0);
  });
});

describe("known bugs of pre-votes, quorum checks and terms", () => {
  // https://github.com/etcd-io/etcd/issues/8501
  it("etcd#8501: a replica that came back with a larger term and an older log finds its leader again", () => {
    const options = { checkQuorum: false, ...withChance(3) };
    const network = new TestNetwork(3, options);
    network.elect(1);
    // 3 does not pre-vote yet: cut off, it raises its term.
    network.restart(3, { ...options, preVote: false });
    network.cutOff.add(3);
    for (let round = 0; round < 6; round++) {
      network.at(3).group.campaign();
      network.settle();
    }
    network.at(1).group.propose([bytes("x")]);
    network.settle();
    expect(network.at(3).group.status().term).to.be.above(6);
    network.restart(3, options);
    network.cutOff.clear();
    network.tickAll(4 * ELECTION_TICKS);
    const leader = network.findLeader();
    expect([1, 2]).to.include(leader?.id);
    expect(new Set(network.replicas.map(({ group }) => group.status().term)).size).to.equal(1);
    expect(network.at(3).applied.map(({ data }) => data)).to.deep.include(bytes("x"));
  });

  // https://github.com/etcd-io/etcd/issues/8243 https://github.com/canonical/raft/issues/279
  it("etcd#8243: a pre-vote is granted in the term that was asked for, so that an older term can grant it", () => {
    const options = withChance(4);
    const network = new TestNetwork(0);
    for (const [id, term] of [
      [1, 5],
      [2, 2],
    ] as const) {
      const store = newStore(confOf([1, 2, 3]));
      store.hardState = { term, vote: 0, commit: 1 };
      network.replicas.push(new TestReplica(id, store, options));
    }
    const [answer] = network.at(2).hear(vote("pre-vote", 1, 2, 6));
    expect(answer).to.include({ kind: "pre-vote-response", term: 6, reject: false });
    expect(network.at(2).group.status().term).to.equal(2);
    network.tickAll(4 * ELECTION_TICKS);
    expect(network.findLeader()?.group.status().term).to.be.above(5);
  });

  // https://github.com/tikv/raft-rs/issues/83 https://github.com/tikv/raft-rs/issues/84
  it("raft-rs#83: a pre-candidate knows no leader and counts no vote of before", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3, 4, 5])));
    replica.hear(append({ from: 2, to: 1, term: 1 }, { index: 1, term: 1 }, []));
    replica.group.campaign();
    replica.flush();
    expect(replica.group.status()).to.include({ role: "pre-candidate", leader: 0, term: 1 });
    const grant = { kind: "pre-vote-response", to: 1, term: 2, reject: false } as const;
    replica.hear({ ...grant, from: 3 });
    // The first round came to nothing, and so did its vote.
    replica.group.campaign();
    replica.flush();
    replica.hear({ ...grant, from: 4 });
    expect(replica.group.status().role).to.equal("pre-candidate");
    replica.hear({ ...grant, from: 5 });
    expect(replica.group.status().role).to.equal("candidate");
  });

  // https://github.com/databendlabs/openraft/issues/2080 https://github.com/cockroachdb/cockroach/issues/107060
  it("openraft#2080: a leader that reaches one bridge alone falls silent, and those who are connected lead", () => {
    const network = new TestNetwork(5, withChance(6));
    const former = network.elect(1);
    for (const other of ["1-3", "1-4", "1-5"]) network.cutLinks.add(other);
    former.group.propose([bytes("never committed")]);
    former.group.readIndex(7);
    network.tickAll(2 * ELECTION_TICKS);
    expect(former.group.status().role).not.to.equal("leader");
    network.tickAll(3 * ELECTION_TICKS);
    const leader = network.findLeader();
    expect([2, 3, 4, 5]).to.include(leader?.id);
    leader?.group.propose([bytes("committed")]);
    network.settle();
    const { commit = 0, lastIndex } = leader?.group.status() ?? {};
    expect(commit).to.equal(lastIndex);
    expect(former.reads).to.deep.equal([]);
  });

  // https://github.com/redpanda-data/redpanda/issues/31547
  it("redpanda#31547: whatever its leader says keeps a follower from campaigning, even what it refuses", () => {
    const from2 = { from: 2, to: 1, term: 1 };
    const start = { index: 1, term: 1 };
    const meta = { index: 1, term: 1, confState: confOf([1, 2, 3]) };
    const said: Message[] = [
      append(from2, { index: 9, term: 1 }, [entry(1, 10)]),
      append(from2, start, []),
      { kind: "heartbeat", ...from2, commit: 0, readRound: 0 },
      { kind: "snapshot", ...from2, snapshot: { meta, data: bytes("") } },
    ];
    for (const message of said) {
      const follower = new TestReplica(1, newStore(confOf([1, 2, 3])));
      for (let round = 0; round < 5; round++) {
        follower.tick(ELECTION_TICKS - 1);
        follower.hear(message);
      }
      expect(follower.group.status(), message.kind).to.include({ role: "follower", leader: 2 });
    }
  });

  // https://github.com/redpanda-data/redpanda/issues/31547
  it("redpanda#31547: every answer carries the term of now", () => {
    const from2 = { from: 2, to: 1, term: 4 };
    const asks: Message[] = [
      append(from2, { index: 9, term: 4 }, []),
      append({ ...from2, term: 2 }, { index: 1, term: 1 }, []),
      { kind: "heartbeat", ...from2, commit: 0, readRound: 0 },
      { kind: "heartbeat", ...from2, term: 1, commit: 0, readRound: 0 },
      vote("pre-vote", 2, 1, 1),
      { ...vote("vote", 3, 1, 4), lastTerm: 0 } as Message,
    ];
    for (const ask of asks) {
      const store = newStore(confOf([1, 2, 3]));
      store.hardState = { term: 4, vote: 0, commit: 1 };
      const [answer] = new TestReplica(1, store).hear(ask);
      expect(answer?.term, ask.kind).to.equal(4);
    }
  });

  // https://github.com/ongardie/raft.tla/pull/5
  it("raft.tla#5: two who ask at once get one vote, and a crash before it is stored gives it to nobody", () => {
    const voter = new TestReplica(1, newStore(confOf([1, 2, 3])));
    voter.isStalled = true;
    expect([
      ...voter.hear(vote("vote", 2, 1, 2)),
      ...voter.hear(vote("vote", 3, 1, 2)),
    ]).to.deep.equal([]);
    const afterCrash = new TestReplica(1, voter.store.copy());
    expect(afterCrash.group.status()).to.include({ term: 1, vote: 0 });
    voter.isStalled = false;
    const answers = voter.flush();
    expect(answers.map((answer) => "reject" in answer && answer.reject)).to.deep.equal([
      false,
      true,
    ]);
    const restarted = new TestReplica(1, voter.store.copy());
    expect(restarted.hear(vote("vote", 3, 1, 2))[0]).to.include({ reject: true });
  });
});
