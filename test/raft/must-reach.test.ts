import { expect } from "chai";
import type { LogPosition, Message } from "../../src/raft/index.js";
import {
  append,
  confOf,
  ELECTION_TICKS,
  entry,
  newStore,
  TestNetwork,
  TestReplica,
} from "./test-network.js";

/** Promised entry 4 of term 2, and came back with a log that ends before it. */
function quarantined(lastIndex = 2, promised?: LogPosition): TestReplica {
  const store = newStore(confOf([1, 2, 3]));
  for (let index = 2; index <= lastIndex; index++) store.append([entry(1, index)]);
  store.hardState = { term: 2, vote: 2, commit: 1 };
  const known = promised === undefined ? {} : { promised };
  return new TestReplica(1, store, { mustReach: { index: 4, term: 2, ...known } });
}

function isQuarantined(replica: TestReplica): boolean {
  return replica.group.status().quarantined;
}

const LEADER_2 = { from: 2, to: 1, term: 2 };

describe("a replica that lost what it promised", () => {
  it("refuses votes and pre-votes", () => {
    const replica = quarantined();
    for (const kind of ["vote", "pre-vote"] as const) {
      const request: Message = {
        ...{ kind, from: 3, to: 1, term: 3, transfer: true },
        ...{ lastIndex: 9, lastTerm: 3 },
      };
      expect(replica.hear(request)[0]).to.include({ kind: `${kind}-response`, reject: true });
    }
    expect(replica.group.status().vote).to.equal(0);
  });

  describe("and knows what that was, and its votes", () => {
    const promised = { index: 4, term: 2 };
    const voteFor = (last: { readonly index: number; readonly term: number }): Message => ({
      ...{ kind: "vote", from: 3, to: 1, term: 3, transfer: true },
      ...{ lastIndex: last.index, lastTerm: last.term },
    });

    it("votes for a log that is at least as complete as the promised one", () => {
      for (const last of [promised, { index: 3, term: 3 }]) {
        const replica = quarantined(2, promised);
        expect(replica.hear(voteFor(last))[0]).to.include({ kind: "vote-response", reject: false });
        expect(replica.group.status()).to.include({ vote: 3, quarantined: true });
      }
    });

    it("does not vote for a log that is only as complete as what is left", () => {
      for (const last of [
        { index: 2, term: 1 },
        { index: 3, term: 2 },
        { index: 9, term: 1 },
      ]) {
        const replica = quarantined(2, promised);
        expect(replica.hear(voteFor(last))[0]).to.include({ reject: true });
      }
    });

    it("does not vote for a log that is less complete than its own either", () => {
      const replica = quarantined(2, promised);
      replica.hear(append({ from: 2, to: 1, term: 2 }, { index: 2, term: 1 }, [entry(1, 3)]));
      replica.hear(append({ from: 2, to: 1, term: 3 }, { index: 3, term: 1 }, [entry(3, 4)]));
      const request = { ...voteFor({ index: 9, term: 2 }), term: 4 };
      expect(replica.hear(request)[0]).to.include({ kind: "vote-response", reject: true });
    });

    it("does not campaign", () => {
      expect(quarantined(2, promised).tick(3 * ELECTION_TICKS)).to.deep.equal([]);
    });

    it("votes for nobody once its votes turn out to be forgotten too", () => {
      const replica = quarantined(2, promised);
      replica.group.losePromise({ index: 1, term: 1 });
      expect(replica.hear(voteFor({ index: 9, term: 3 }))[0]).to.include({ reject: true });
      expect(isQuarantined(replica)).to.equal(true);
    });
  });

  it("stops leading when it hears of that late, and what was known before stays", () => {
    const network = new TestNetwork(3);
    network.elect(1);
    const leader = network.at(1);
    leader.group.losePromise({ index: 3, term: 9 });
    leader.group.losePromise({ index: 9, term: 2 });
    expect(leader.group.status()).to.include({ role: "follower", quarantined: true });
    const entries = [3, 4, 5, 6, 7, 8].map((index) => entry(8, index));
    leader.hear(append({ from: 2, to: 1, term: 9 }, { index: 2, term: 2 }, entries));
    expect(isQuarantined(leader)).to.equal(true);
    leader.hear(append({ from: 2, to: 1, term: 9 }, { index: 8, term: 8 }, [entry(9, 9)]));
    expect(isQuarantined(leader)).to.equal(false);
  });

  it("does not campaign: not by time, not when told to", () => {
    const replica = quarantined();
    expect(replica.tick(3 * ELECTION_TICKS)).to.deep.equal([]);
    replica.group.campaign();
    expect(replica.hear({ kind: "timeout-now", from: 2, to: 1, term: 2 })).to.deep.equal([]);
    expect(replica.group.status().role).to.equal("follower");
  });

  it("acknowledges what it takes, and is whole again when that reaches its promise durably", () => {
    const replica = quarantined();
    const first = append(LEADER_2, { index: 2, term: 1 }, [entry(1, 3)]);
    expect(replica.hear(first)[0]).to.include({ kind: "append-response", index: 3, reject: false });
    expect(isQuarantined(replica)).to.equal(true);
    replica.isStalled = true;
    replica.hear(append(LEADER_2, { index: 3, term: 1 }, [entry(2, 4)]));
    expect(isQuarantined(replica)).to.equal(true);
    replica.isStalled = false;
    replica.flush();
    expect(isQuarantined(replica)).to.equal(false);
  });

  it("is not whole because its log is long: it may be another log", () => {
    const replica = quarantined(9);
    const heartbeat = { kind: "heartbeat", commit: 9, readRound: 0, ...LEADER_2 } as const;
    replica.hear(heartbeat);
    expect(replica.group.status()).to.include({ quarantined: true, commit: 1 });
    replica.hear(append(LEADER_2, { index: 1, term: 1 }, [entry(1, 2)]));
    expect(isQuarantined(replica)).to.equal(true);
    replica.hear(append(LEADER_2, { index: 9, term: 1 }, []));
    expect(isQuarantined(replica)).to.equal(false);
  });

  it("is not made whole by a leader of a former term", () => {
    const store = newStore(confOf([1, 2, 3]));
    store.hardState = { term: 1, vote: 0, commit: 1 };
    const replica = new TestReplica(1, store, { mustReach: { index: 4, term: 2 } });
    const entries = [entry(1, 2), entry(1, 3), entry(1, 4)];
    replica.hear(append({ from: 3, to: 1, term: 1 }, { index: 1, term: 1 }, entries));
    expect(isQuarantined(replica)).to.equal(true);
    replica.hear(append(LEADER_2, { index: 4, term: 1 }, []));
    expect(isQuarantined(replica)).to.equal(false);
  });

  it("starts over with each leader", () => {
    const replica = quarantined();
    replica.isStalled = true;
    const entries = [entry(1, 3), entry(2, 4)];
    replica.hear(append(LEADER_2, { index: 2, term: 1 }, entries));
    replica.hear(append({ from: 3, to: 1, term: 3 }, { index: 2, term: 1 }, [entry(3, 3)]));
    replica.isStalled = false;
    replica.flush();
    expect(isQuarantined(replica)).to.equal(true);
  });

  it("is made whole by a snapshot once that is installed", () => {
    const replica = quarantined(9);
    const meta = { index: 6, term: 2, confState: confOf([1, 2, 3]) };
    replica.isStalled = true;
    replica.hear({ kind: "snapshot", ...LEADER_2, snapshot: { meta, data: new Uint8Array(0) } });
    expect(isQuarantined(replica)).to.equal(true);
    replica.isStalled = false;
    replica.flush();
    expect(replica.group.status()).to.include({ quarantined: false, commit: 6, applied: 6 });
  });
});

describe("a replica that may have forgotten votes", () => {
  it("votes for nobody else in the term in which it may have voted", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    replica.group.losePromise({ index: 1, term: 5 });
    replica.flush();
    expect(replica.store.hardState).to.include({ term: 5, vote: 1 });
    replica.hear(append({ from: 2, to: 1, term: 5 }, { index: 1, term: 1 }, []));
    expect(isQuarantined(replica)).to.equal(false);
    const request: Message = {
      ...{ kind: "vote", from: 3, to: 1, term: 5, transfer: true },
      ...{ lastIndex: 9, lastTerm: 4 },
    };
    expect(replica.hear(request)[0]).to.include({ kind: "vote-response", reject: true });
  });
});

describe("a replica whose owner restricts it", () => {
  it("hands its place to others at once, and does not campaign before it may again", () => {
    const network = new TestNetwork(3);
    network.elect(1);
    const { group } = network.at(1);
    group.restrict({ mayVote: true, mayLead: false });
    expect(group.status().role).to.equal("follower");
    expect(network.at(1).tick(3 * ELECTION_TICKS)).to.deep.equal([]);
    network.elect(2);
    expect(group.status().leader).to.equal(2);
    group.restrict({ mayVote: true, mayLead: true });
    network.at(2).group.transferLeader(1);
    network.settle();
    expect(group.status().role).to.equal("leader");
  });

  it("grants no vote while it may not, and the same one afterwards", () => {
    const replica = new TestReplica(1, newStore(confOf([1, 2, 3])));
    const request: Message = {
      ...{ kind: "vote", from: 3, to: 1, term: 3, transfer: false },
      ...{ lastIndex: 9, lastTerm: 2 },
    };
    replica.group.restrict({ mayVote: false, mayLead: false });
    expect(replica.hear(request)[0]).to.include({ kind: "vote-response", reject: true });
    replica.group.restrict({ mayVote: true, mayLead: true });
    expect(replica.hear(request)[0]).to.include({ kind: "vote-response", reject: false });
  });
});
