import { expect } from "chai";
import { append, bytes, entry, TestNetwork } from "../test-network.js";
import {
  acknowledge,
  appliedOf,
  makeLeader,
  PLAIN,
  replicaWith,
  requestVote,
  termsOf,
  voteOf,
} from "./plain-raft.js";

describe("safety (Raft paper, 5.4)", () => {
  it("5.4.1: a candidate says what its last entry is", () => {
    for (const terms of [[1], [1, 2], [1, 1, 5]]) {
      const candidate = replicaWith({ terms });
      candidate.group.campaign();
      const last = { index: terms.length, term: terms.at(-1) ?? 0 };
      const term = last.term + 1;
      expect(candidate.flush()).to.deep.equal([
        requestVote(1, 2, term, last),
        requestVote(1, 3, term, last),
      ]);
    }
  });

  it("5.4.1: a vote is refused to whoever has a less complete log: term first, then length", () => {
    // Own log, the candidate's last term and index, refused.
    const cases: [number[], number, number, boolean][] = [
      [[1], 1, 1, false],
      [[1], 1, 2, false],
      [[1, 1], 1, 1, true],
      [[1], 2, 1, false],
      [[1], 2, 2, false],
      [[1, 1], 2, 1, false],
      [[2], 1, 1, true],
      [[2], 1, 2, true],
      [[2, 1], 1, 1, true],
      [[], 0, 0, false],
    ];
    for (const [terms, term, index, isRefused] of cases) {
      const voter = replicaWith({ terms, term: 2 });
      const [answer] = voter.hear(requestVote(2, 1, 3, { index, term }));
      const what = `${terms.join()} against ${term}/${index}`;
      expect(answer, what).to.deep.equal(voteOf(1, 2, 3, isRefused));
    }
  });

  it("5.4.1: whoever is elected has every committed entry", () => {
    const network = new TestNetwork(5, PLAIN);
    const leader = network.elect(1);
    network.cutOff.add(4).add(5);
    leader.group.propose([bytes("x")]);
    network.settle();
    expect(leader.group.status().commit).to.equal(3);
    network.cutOff.clear();
    network.cutOff.add(1);
    for (const behind of [4, 5]) {
      network.at(behind).group.campaign();
      network.settle();
      expect(network.at(behind).group.status().role).not.to.equal("leader");
    }
    const next = network.elect(2);
    expect(next.store.term(3)).to.equal(2);
  });

  it("5.4.2: only an entry of the leader's own term is committed by counting", () => {
    for (const [index, commit] of [
      [1, 0],
      [2, 0],
      [3, 3],
    ] as const) {
      const leader = replicaWith({ terms: [1, 2], term: 2 });
      makeLeader(leader);
      leader.hear(acknowledge(2, 1, 3, index));
      expect(leader.group.status().commit, String(index)).to.equal(commit);
    }
  });

  it("5.4.2: what a majority holds of a former term may still be replaced (figure 8, d)", () => {
    // (c): S1 leads term 4 and brought 2/2 to S2 and S3; S5 holds 3/2 and was not heard of.
    const network = new TestNetwork(0);
    const logs = [[1, 2], [1, 2], [1, 2], [1], [1, 3]];
    for (const [at, terms] of logs.entries()) {
      network.replicas.push(replicaWith({ id: at + 1, voters: [1, 2, 3, 4, 5], terms, term: 4 }));
    }
    for (const { group } of network.replicas) expect(group.status().commit).to.equal(0);
    network.cutOff.add(1);
    network.elect(5);
    for (const id of [2, 3, 4]) expect(termsOf(network.at(id))).to.deep.equal([1, 3, 5]);
  });

  it("5.4.2: once an entry of its own term is on a majority, it can not (figure 8, e)", () => {
    const network = new TestNetwork(0);
    const logs = [[1, 2], [1, 2], [1, 2], [1], [1, 3]];
    for (const [at, terms] of logs.entries()) {
      network.replicas.push(replicaWith({ id: at + 1, voters: [1, 2, 3, 4, 5], terms, term: 3 }));
    }
    network.cutOff.add(4).add(5);
    network.elect(1);
    expect(network.at(1).group.status().commit).to.equal(3);
    network.cutOff.clear();
    network.cutOff.add(1);
    network.at(5).group.campaign();
    network.settle();
    expect(network.at(5).group.status().role).not.to.equal("leader");
    expect(termsOf(network.at(2))).to.deep.equal([1, 2, 4]);
  });

  it("5.4.3: no two servers apply different entries at one index", () => {
    const network = new TestNetwork(3, PLAIN);
    network.elect(1);
    for (let round = 0; round < 6; round++) {
      const id = (round % 3) + 1;
      const leader = network.at(id);
      if (leader.group.status().role !== "leader") network.elect(id);
      const lost = ((round + 2) % 3) + 1;
      network.cutOff.add(lost);
      leader.group.propose([bytes(`round ${round}`)]);
      network.settle();
      network.cutOff.delete(lost);
    }
    network.tick(3, 2);
    const [first, ...others] = network.replicas.map(({ applied }) => applied);
    for (const other of others) expect(other).to.deep.equal(first);
    expect(appliedOf(network.at(1))).to.have.length.above(10);
  });

  it("5.5: requests to a server that is down are repeated until it answers", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    network.cutOff.add(2).add(3);
    leader.group.propose([bytes("x")]);
    network.tick(1, 5);
    expect(leader.group.status().commit).to.equal(2);
    network.cutOff.clear();
    network.tick(1, 2);
    expect(leader.group.status().commit).to.equal(3);
  });

  it("5.5: a candidate that crashed can campaign again and get the vote that it was given", () => {
    const voter = replicaWith();
    expect(voter.hear(requestVote(2, 1, 1))).to.deep.equal([voteOf(1, 2, 1)]);
    expect(voter.hear(requestVote(2, 1, 1))).to.deep.equal([voteOf(1, 2, 1)]);
  });

  it("figure 3: the same index and term mean the same log up to there", () => {
    const follower = replicaWith({ terms: [1, 1, 2], term: 2 });
    const probe = append({ from: 2, to: 1, term: 3 }, { index: 3, term: 1 }, [entry(3, 4)], 4);
    const [answer] = follower.hear(probe);
    expect(answer).to.include({ kind: "append-response", reject: true });
    expect(follower.group.status()).to.include({ commit: 0, lastIndex: 3 });
  });
});
