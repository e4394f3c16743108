import { expect } from "chai";
import { encodeConfChange, LEAVE_JOINT } from "../../../src/raft/index.js";
import type { ChangeKind, ConfChange, Entry, Message } from "../../../src/raft/index.js";
import { MemoryStore } from "../memory-store.js";
import {
  append,
  bytes,
  confOf,
  ELECTION_TICKS,
  TestNetwork,
  TestReplica,
} from "../test-network.js";
import {
  acknowledge,
  heartbeat,
  makeLeader,
  PLAIN,
  replicaWith,
  requestVote,
  settledLeader,
  voteOf,
} from "./plain-raft.js";

function change(
  changes: readonly [ChangeKind, number][],
  transition: ConfChange["transition"] = "auto",
): ConfChange {
  const singles = changes.map(([kind, replica]) => ({ kind, replica }));
  return { transition, changes: singles, context: new Uint8Array(0) };
}

function changeEntry(term: number, index: number, one: ConfChange): Entry {
  return { term, index, kind: "conf-change-v2", data: encodeConfChange(one) };
}

/** A server that knows of nobody, as one that is added. */
function newcomer(id: number): TestReplica {
  return new TestReplica(id, new MemoryStore(confOf([])), PLAIN);
}

describe("membership changes (Ongaro's dissertation, chapter 4)", () => {
  it("4.1: one voter at a time is added or removed without a joint configuration", () => {
    for (const one of [change([["add-voter", 4]]), change([["remove", 3]])]) {
      const network = new TestNetwork(3, PLAIN);
      const leader = network.elect(1);
      leader.group.proposeConfChange(one);
      network.settle();
      expect(leader.group.status().confState.votersOutgoing).to.deep.equal([]);
    }
  });

  it("4.1: more than one goes through a joint configuration", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    const both = change(
      [
        ["add-voter", 4],
        ["remove", 3],
      ],
      "explicit",
    );
    leader.group.proposeConfChange(both);
    network.settle();
    expect(leader.group.status().confState).to.deep.include({
      voters: [1, 2, 4],
      votersOutgoing: [1, 2, 3],
    });
  });

  it("4.1: a change waits until the one before it is committed and applied", () => {
    const leader = settledLeader();
    expect(leader.group.proposeConfChange(change([["add-voter", 4]]))).to.include({
      kind: "accepted",
    });
    leader.flush();
    const next = change([["add-voter", 5]]);
    expect(leader.group.proposeConfChange(next)).to.include({ reason: "conf-change-pending" });
    leader.hear(acknowledge(2, 1, 1, 2));
    expect(leader.group.proposeConfChange(next)).to.include({ kind: "accepted" });
  });

  it("4.1, erratum: a change waits until the leader has committed in its own term", () => {
    const leader = replicaWith({ terms: [1] });
    makeLeader(leader);
    const one = change([["add-voter", 4]]);
    expect(leader.group.proposeConfChange(one)).to.include({ reason: "conf-change-pending" });
    leader.hear(acknowledge(2, 1, 2, 2));
    expect(leader.group.proposeConfChange(one)).to.include({ kind: "accepted" });
  });

  it("4.1: a server votes for, and takes entries from, servers that it does not know", () => {
    const voter = replicaWith({ voters: [1, 2] });
    expect(voter.hear(requestVote(7, 1, 1))).to.deep.equal([voteOf(1, 7, 1)]);
    const follower = replicaWith({ voters: [1, 2] });
    const [answer] = follower.hear(append({ from: 7, to: 1, term: 1 }, { index: 0, term: 0 }, []));
    expect(answer).to.include({ kind: "append-response", reject: false });
    expect(follower.group.status().leader).to.equal(7);
  });

  it("4.1: a server that is in no configuration never campaigns", () => {
    const stranger = newcomer(9);
    stranger.tick(5 * ELECTION_TICKS);
    stranger.group.campaign();
    expect(stranger.group.status()).to.include({ role: "follower", term: 0 });
  });

  it("4.2.1: a learner gets the log and counts for no majority", () => {
    const leader = settledLeader({ voters: [1, 2, 3], learners: [4, 5] });
    leader.group.propose([bytes("x")]);
    expect(leader.flush().map(({ to }) => to)).to.deep.equal([2, 3, 4, 5]);
    for (const from of [4, 5]) leader.hear(acknowledge(from, 1, 1, 2));
    expect(leader.group.status().commit).to.equal(1);
    leader.hear(acknowledge(2, 1, 1, 2));
    expect(leader.group.status().commit).to.equal(2);
  });

  it("4.2.1: a learner elects nobody and does not campaign", () => {
    const candidate = replicaWith({ voters: [1, 2, 3], learners: [4] });
    candidate.group.campaign();
    expect(candidate.flush().map(({ to }) => to)).to.deep.equal([2, 3]);
    candidate.hear(voteOf(4, 1, 1));
    expect(candidate.group.status().role).to.equal("candidate");
    const learner = replicaWith({ id: 4, voters: [1, 2, 3], learners: [4] });
    learner.tick(3 * ELECTION_TICKS);
    expect(learner.group.status().role).to.equal("follower");
  });

  it("4.2.1: a newcomer catches up before it becomes a voter, and then counts", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    for (let at = 0; at < 10; at++) leader.group.propose([bytes("x")]);
    network.replicas.push(newcomer(4));
    leader.group.proposeConfChange(change([["add-learner", 4]]));
    network.settle();
    network.tick(1, 3);
    const { followers, lastIndex } = leader.group.status();
    expect(followers.at(-1)).to.include({ id: 4, match: lastIndex, isLearner: true });
    leader.group.proposeConfChange(change([["add-voter", 4]]));
    network.settle();
    network.cutOff.add(2);
    leader.group.propose([bytes("y")]);
    network.settle();
    expect(leader.group.status().commit).to.equal(leader.group.status().lastIndex);
    network.cutOff.add(3);
    leader.group.propose([bytes("z")]);
    network.settle();
    expect(leader.group.status().commit).to.equal(leader.group.status().lastIndex - 1);
  });

  it("4.2.2: a leader that is removed steps down once that is committed", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    network.cutOff.add(2).add(3);
    leader.group.proposeConfChange(change([["remove", 1]]));
    network.settle();
    expect(leader.group.status().role).to.equal("leader");
    network.cutOff.clear();
    network.tick(1, 2);
    expect(leader.group.status()).to.include({ role: "follower", leader: 0 });
    expect(network.elect(2).group.status().confState.voters).to.deep.equal([2, 3]);
  });

  it("4.2.3: whoever hears from a leader follows no candidate of a larger term", () => {
    const follower = replicaWith({ terms: [1] }, { checkQuorum: true });
    follower.hear(heartbeat(2, 1, 1));
    for (const asks of [3, 9]) {
      expect(follower.hear(requestVote(asks, 1, 8, { index: 9, term: 7 }))).to.deep.equal([]);
    }
    expect(follower.group.status()).to.include({ term: 1, leader: 2 });
    follower.tick(ELECTION_TICKS - 1);
    follower.hear(requestVote(3, 1, 8, { index: 9, term: 7 }));
    expect(follower.group.status().term, "its lease goes on").to.equal(1);
  });

  it("4.2.3: a server that was removed and does not know disturbs nobody", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    network.cutOff.add(3);
    leader.group.proposeConfChange(change([["remove", 3]]));
    network.settle();
    network.cutOff.clear();
    for (let ticks = 0; ticks < 5 * ELECTION_TICKS; ticks++) {
      network.tick(1);
      network.tick(3);
    }
    expect(leader.group.status()).to.include({ role: "leader", term: 2 });
  });

  it("4.3: in a joint configuration both majorities elect", () => {
    const { store } = replicaWith({ voters: [1, 2, 3], terms: [1] });
    store.confState = { ...confOf([1, 4, 5]), votersOutgoing: [1, 2, 3] };
    for (const [votes, role] of [
      [[2, 3], "candidate"],
      [[4, 5], "candidate"],
      [[2, 4], "leader"],
      [[3, 5], "leader"],
    ] as const) {
      const candidate = new TestReplica(1, store.copy(), PLAIN);
      candidate.group.campaign();
      candidate.flush();
      for (const from of votes) candidate.hear(voteOf(from, 1, 2));
      expect(candidate.group.status().role, votes.join()).to.equal(role);
    }
  });

  it("4.3: in a joint configuration both majorities commit, and all of both get the log", () => {
    const { store } = replicaWith({ voters: [1, 2, 3] });
    store.confState = { ...confOf([1, 4, 5]), votersOutgoing: [1, 2, 3] };
    const leader = new TestReplica(1, store, PLAIN);
    const said = makeLeader(leader).filter(({ kind }) => kind === "append");
    expect(said.map(({ to }) => to)).to.deep.equal([2, 3, 4, 5]);
    for (const from of [2, 3]) leader.hear(acknowledge(from, 1, 1, 1));
    expect(leader.group.status().commit).to.equal(0);
    leader.hear(acknowledge(5, 1, 1, 1));
    expect(leader.group.status().commit).to.equal(1);
  });

  it("4.3: any server of either half may lead, and a leader outside of the new one steps down at its end", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    network.replicas.push(newcomer(4));
    leader.group.proposeConfChange(
      change(
        [
          ["add-voter", 4],
          ["remove", 1],
        ],
        "explicit",
      ),
    );
    network.settle();
    network.tick(1, 3);
    expect(leader.group.status().role).to.equal("leader");
    network.elect(4);
    network.elect(1);
    leader.group.proposeConfChange(LEAVE_JOINT);
    network.settle();
    expect(leader.group.status()).to.include({ role: "follower" });
    expect(network.elect(2).group.status().confState).to.deep.equal(confOf([2, 3, 4]));
  });

  it("4: a change that is never committed is replaced like any other entry", () => {
    const follower = replicaWith({ terms: [1] });
    const one = changeEntry(1, 2, change([["add-voter", 4]]));
    follower.hear(append({ from: 2, to: 1, term: 1 }, { index: 1, term: 1 }, [one]));
    expect(follower.group.status().confState.voters).to.deep.equal([1, 2, 3]);
    const other = changeEntry(2, 2, change([["remove", 2]]));
    const message: Message = append({ from: 3, to: 1, term: 2 }, { index: 1, term: 1 }, [other], 2);
    follower.hear(message);
    expect(follower.group.status().confState.voters).to.deep.equal([1, 3]);
  });
});
