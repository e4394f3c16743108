import { expect } from "chai";
import type { Message } from "../../../src/raft/index.js";
import { append, entry } from "../test-network.js";
import type { TestReplica } from "../test-network.js";
import { heartbeat, makeLeader, replicaWith, requestVote, termsOf, voteOf } from "./plain-raft.js";

function follower(): TestReplica {
  return replicaWith({ terms: [1, 2] });
}

function candidate(): TestReplica {
  const replica = follower();
  replica.group.campaign();
  replica.flush();
  return replica;
}

function leader(): TestReplica {
  const replica = follower();
  makeLeader(replica);
  return replica;
}

const ROLES = { follower, candidate, leader };

/** One of each kind of message from another replica, of a term and with a log that could be anything. */
function messagesOf(term: number): Message[] {
  const envelope = { from: 2, to: 1, term };
  const rejected = { reject: true, hintIndex: 0, hintTerm: 0 };
  return [
    append(envelope, { index: 9, term: 3 }, []),
    heartbeat(2, 1, term),
    requestVote(2, 1, term, { index: 9, term }),
    voteOf(2, 1, term, true),
    { kind: "append-response", ...envelope, index: 9, ...rejected },
    { kind: "heartbeat-response", ...envelope, readRound: 0 },
  ];
}

describe("the basics of Raft (Raft paper, 5.1)", () => {
  for (const [role, create] of Object.entries(ROLES)) {
    it(`5.1: a ${role} that sees a larger term takes it and is a follower`, () => {
      for (const message of messagesOf(9)) {
        const replica = create();
        replica.hear(message);
        expect(replica.group.status(), message.kind).to.include({ role: "follower", term: 9 });
      }
    });

    it(`5.1: a ${role} stores a larger term before it answers`, () => {
      const replica = create();
      replica.isStalled = true;
      const said = replica.hear(requestVote(2, 1, 9, { index: 9, term: 9 }));
      expect(said.filter(({ to }) => to === 2)).to.deep.equal([]);
      replica.isStalled = false;
      const [answer] = replica.flush();
      expect(answer).to.include({ kind: "vote-response", term: 9 });
      expect(replica.store.hardState.term).to.equal(9);
    });

    it(`5.1: a ${role} refuses whatever has a smaller term`, () => {
      for (const message of messagesOf(1)) {
        const replica = create();
        const before = { ...replica.group.status() };
        const said = replica.hear(message);
        expect(replica.group.status(), message.kind).to.deep.equal(before);
        expect(said, message.kind).to.deep.equal([]);
      }
    });
  }

  it("5.1: an append of a smaller term changes no log", () => {
    const replica = replicaWith({ terms: [1, 2], term: 4 });
    replica.hear(append({ from: 2, to: 1, term: 3 }, { index: 1, term: 1 }, [entry(3, 2)], 2));
    expect(termsOf(replica)).to.deep.equal([1, 2]);
    expect(replica.group.status().commit).to.equal(0);
  });

  it("5.1: a term never goes back, not even over a restart", () => {
    const replica = follower();
    replica.hear(heartbeat(2, 1, 7));
    const { term } = replica.store.hardState;
    const again = replicaWith({ terms: [1, 2], term });
    again.hear(heartbeat(3, 1, 5));
    expect(again.group.status()).to.include({ term: 7, leader: 0 });
  });

  it("5.5: an append that comes again does no harm, and is acknowledged again", () => {
    const replica = follower();
    const message = append({ from: 2, to: 1, term: 3 }, { index: 2, term: 2 }, [entry(3, 3)], 3);
    const first = replica.hear(message);
    expect(replica.hear(message)).to.deep.equal(first);
    expect(termsOf(replica)).to.deep.equal([1, 2, 3]);
    expect(replica.applied).to.have.length(3);
  });
});
