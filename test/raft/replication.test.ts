import { expect } from "chai";
import { MemoryStore } from "./memory-store.js";
import {
  append,
  bytes,
  confOf,
  entry,
  newStore,
  TestNetwork,
  TestReplica,
} from "./test-network.js";

const RUDE = { preVote: false, checkQuorum: false };

function textsOf(replica: TestReplica): string[] {
  const texts = replica.applied.map(({ data }) => new TextDecoder().decode(data));
  return texts.filter((text) => text !== "");
}

describe("a proposal", () => {
  it("says which index and term it got, and is applied everywhere", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    const proposed = leader.group.propose([bytes("a"), bytes("b")]);
    expect(proposed).to.deep.equal({ kind: "accepted", firstIndex: 3, term: 2 });
    network.settle();
    network.tick(1);
    for (const replica of network.replicas) expect(textsOf(replica)).to.deep.equal(["a", "b"]);
  });

  it("keeps its bytes by reference", () => {
    const network = new TestNetwork(1);
    const data = bytes("a");
    network.elect(1).group.propose([data]);
    network.settle();
    expect(network.at(1).applied.at(-1)?.data).to.equal(data);
  });

  it("on a follower is refused with the leader's id", () => {
    const network = new TestNetwork(3);
    expect(network.at(2).group.propose([bytes("a")])).to.include({ reason: "no-leader" });
    network.elect(1);
    const refusal = network.at(2).group.propose([bytes("a")]);
    expect(refusal).to.deep.equal({ kind: "refused", reason: "not-leader", leader: 1 });
  });

  it("is forwarded to the leader where that is allowed", () => {
    const network = new TestNetwork(3, { disableProposalForwarding: false });
    network.elect(1);
    const entries = [{ kind: "normal", data: bytes("a") } as const];
    network.at(2).group.step({ kind: "propose", from: 2, to: 2, term: 0, entries });
    network.settle();
    expect(textsOf(network.at(1))).to.deep.equal(["a"]);
  });

  it("is refused, all of it, where the uncommitted tail is full", () => {
    const network = new TestNetwork(3, { maxUncommittedBytes: 10 });
    const leader = network.elect(1);
    network.cutOff.add(1);
    expect(leader.group.propose([bytes("x".repeat(20))])).to.include({ kind: "accepted" });
    expect(leader.group.propose([bytes("y")])).to.include({ reason: "log-full" });
    expect(leader.group.propose([new Uint8Array(0)])).to.include({ kind: "accepted" });
    network.cutOff.clear();
    network.tick(1);
    expect(leader.group.propose([bytes("y")])).to.include({ kind: "accepted" });
  });

  it("is refused if one entry is too large", () => {
    const leader = new TestNetwork(1, { maxEntryBytes: 4 }).elect(1);
    expect(leader.group.propose([bytes("ok"), bytes("large")])).to.include({
      reason: "entry-too-large",
    });
  });
});

describe("commitment", () => {
  it("does not count the leader's entry before its disk has it", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    network.cutOff.add(3);
    leader.isStalled = true;
    leader.group.propose([bytes("a")]);
    network.settle();
    expect(leader.group.status().commit).to.equal(2);
    leader.isStalled = false;
    network.settle();
    expect(leader.group.status().commit).to.equal(3);
  });

  it("needs no disk of the leader where two followers have the entry, but applying does", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    leader.isStalled = true;
    leader.group.propose([bytes("a")]);
    network.settle();
    expect(leader.group.status().commit).to.equal(3);
    expect(textsOf(leader)).to.deep.equal([]);
    leader.isStalled = false;
    network.settle();
    expect(textsOf(leader)).to.deep.equal(["a"]);
  });

  it("of an entry of a former term comes only with one of the leader's own (figure 8)", () => {
    const store = newStore(confOf([1, 2, 3]));
    store.append([entry(2, 2, "old")]);
    store.hardState = { term: 2, vote: 2, commit: 1 };
    const leader = new TestReplica(1, store, RUDE);
    leader.group.campaign();
    leader.flush();
    leader.hear({ kind: "vote-response", from: 2, to: 1, term: 3, reject: false });
    expect(leader.group.status()).to.include({ role: "leader", lastIndex: 3 });
    const ack = { kind: "append-response", from: 2, to: 1, term: 3 } as const;
    const accepted = { reject: false, hintIndex: 0, hintTerm: 0 };
    leader.hear({ ...ack, ...accepted, index: 2 });
    expect(leader.group.status().commit).to.equal(1);
    leader.hear({ ...ack, ...accepted, index: 3 });
    expect(leader.group.status().commit).to.equal(3);
  });

  it("believes nobody who claims more than the leader has", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    const claim = { kind: "append-response", from: 2, to: 1, term: 2, index: 99 } as const;
    leader.hear({ ...claim, reject: false, hintIndex: 0, hintTerm: 0 });
    expect(leader.group.status().followers[1]).to.include({ match: 2, next: 3 });
  });
});

describe("a follower", () => {
  const from2 = { from: 2, to: 1, term: 2 };

  it("keeps what it has when an old append comes again", () => {
    const follower = new TestReplica(1, newStore(confOf([1, 2, 3])));
    const entries = [entry(2, 2), entry(2, 3), entry(2, 4)];
    follower.hear(append(from2, { index: 1, term: 1 }, entries));
    const answers = follower.hear(append(from2, { index: 1, term: 1 }, entries.slice(0, 1)));
    expect(follower.group.status().lastIndex).to.equal(4);
    expect(follower.store.lastIndex()).to.equal(4);
    expect(answers[0]).to.include({ kind: "append-response", index: 2, reject: false });
  });

  it("replaces what conflicts, from the first conflict on", () => {
    const follower = new TestReplica(1, newStore(confOf([1, 2, 3])));
    follower.hear(append(from2, { index: 1, term: 1 }, [entry(2, 2), entry(2, 3), entry(2, 4)]));
    const from3 = { from: 3, to: 1, term: 3 };
    follower.hear(append(from3, { index: 1, term: 1 }, [entry(2, 2), entry(3, 3)]));
    expect(follower.store.lastIndex()).to.equal(3);
    expect(follower.store.term(3)).to.equal(3);
  });

  it("refuses an append after a gap and says where it ends", () => {
    const follower = new TestReplica(1, newStore(confOf([1, 2, 3])));
    const answers = follower.hear(append(from2, { index: 7, term: 2 }, [entry(2, 8)]));
    expect(answers[0]).to.include({ reject: true, index: 7, hintIndex: 1, hintTerm: 1 });
  });

  it("refuses entries that do not follow each other", () => {
    const follower = new TestReplica(1, newStore(confOf([1, 2, 3])));
    const wrong = [
      [entry(2, 2), entry(2, 4)],
      [entry(2, 2), entry(1, 3)],
      [entry(3, 2)],
      [entry(2, 5)],
    ];
    for (const entries of wrong) {
      const outcome = follower.group.step(append(from2, { index: 1, term: 1 }, entries));
      expect(outcome).to.include({ reason: "malformed" });
    }
    expect(follower.group.status()).to.include({ lastIndex: 1, term: 1 });
  });

  it("acknowledges nothing that is not durable", () => {
    const follower = new TestReplica(1, newStore(confOf([1, 2, 3])));
    follower.isStalled = true;
    const message = append(from2, { index: 1, term: 1 }, [entry(2, 2)]);
    expect(follower.hear(message)).to.deep.equal([]);
    follower.isStalled = false;
    expect(follower.flush()).to.have.length(1);
  });

  it("that lost what it had acknowledged is repaired by the same leader", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    const backup = network.at(3).store.copy();
    for (const text of ["a", "b", "c"]) {
      leader.group.propose([bytes(text)]);
      network.settle();
    }
    const { hardState } = network.at(3).store;
    backup.hardState = { ...hardState, commit: backup.hardState.commit };
    const mustReach = { index: 5, term: 2 };
    network.replicas[2] = new TestReplica(3, backup, { mustReach });
    network.tick(1, 2);
    leader.group.propose([bytes("d")]);
    network.settle();
    network.tick(1);
    expect(textsOf(network.at(3))).to.deep.equal(["a", "b", "c", "d"]);
    expect(network.at(3).group.status().quarantined).to.equal(false);
  });

  it("whose loss is reported is repaired at once", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    const backup = network.at(3).store.copy();
    leader.group.propose([bytes("a")]);
    network.settle();
    backup.hardState = { ...network.at(3).store.hardState, commit: backup.hardState.commit };
    network.replicas[2] = new TestReplica(3, backup, { mustReach: { index: 3, term: 2 } });
    leader.group.reportLostLog(3);
    network.settle();
    expect(network.at(3).group.status()).to.include({ lastIndex: 3, quarantined: false });
  });
});

describe("a leader's stream", () => {
  it("stops at the window of messages and goes on with the answers", () => {
    const network = new TestNetwork(2, { maxInflightMessages: 2 });
    const leader = network.elect(1);
    const sent: number[] = [];
    for (let at = 0; at < 5; at++) {
      leader.group.propose([bytes("x")]);
      sent.push(leader.flush().length);
    }
    expect(sent).to.deep.equal([1, 1, 0, 0, 0]);
    expect(leader.group.status().followers[1]).to.include({ inflight: 2, inflightFull: true });
  });

  it("stops at the window of bytes", () => {
    const network = new TestNetwork(2, { maxInflightBytes: 10, maxMessageBytes: 10 });
    const leader = network.elect(1);
    const sent: number[] = [];
    for (let at = 0; at < 3; at++) {
      leader.group.propose([bytes("x".repeat(9))]);
      sent.push(leader.flush().length);
    }
    expect(sent).to.deep.equal([1, 1, 0]);
  });

  it("waits for entries that are not in memory", () => {
    const network = new TestNetwork(2);
    const leader = network.elect(1);
    network.cutOff.add(2);
    leader.group.propose([bytes("a")]);
    network.settle();
    leader.group.reportUnreachable(2);
    leader.store.memoryFrom = 4;
    network.cutOff.clear();
    network.tick(1, 3);
    expect(network.at(2).group.status().lastIndex).to.equal(2);
    leader.store.memoryFrom = 0;
    leader.group.entriesFetched();
    network.settle();
    expect(network.at(2).group.status().lastIndex).to.equal(3);
  });

  it("turns to a snapshot where the log is gone, and back where that failed", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    network.cutOff.add(3);
    for (const text of ["a", "b"]) leader.group.propose([bytes(text)]);
    network.settle();
    leader.store.compact(4);
    leader.group.reportUnreachable(3);
    leader.hear({ kind: "heartbeat-response", from: 3, to: 1, term: 2, readRound: 0 });
    expect(leader.group.status().followers[2]).to.include({
      state: "snapshot",
      pendingSnapshot: 4,
    });
    leader.group.reportSnapshot(3, false);
    expect(leader.group.status().followers[2]).to.include({ state: "probe", next: 3 });
    network.cutOff.clear();
    network.tick(1, 2);
    expect(network.at(3).store.firstIndex()).to.equal(5);
    expect(leader.group.status().followers[2]).to.include({ state: "replicate", match: 4 });
  });

  it("begins with a snapshot for a replica that joined with nothing", () => {
    const confState = confOf([1]);
    const network = new TestNetwork(0);
    network.replicas.push(new TestReplica(1, new MemoryStore(confState)));
    const leader = network.elect(1);
    network.replicas.push(new TestReplica(2, new MemoryStore(confOf([]))));
    const changes = [{ kind: "add-learner", replica: 2 } as const];
    leader.group.proposeConfChange({ transition: "auto", changes, context: bytes("") });
    network.settle();
    network.tick(1);
    expect(leader.group.status().firstIndex).to.equal(1);
    expect(network.at(2).store.firstIndex()).to.be.greaterThan(1);
    expect(network.at(2).group.status().confState).to.deep.equal(confOf([1], [2]));
  });

  it("waits where no snapshot is to be had yet", () => {
    const network = new TestNetwork(2);
    const leader = network.elect(1);
    leader.store.compact(2);
    leader.store.snapshot = () => undefined;
    network.replicas[1] = new TestReplica(2, new MemoryStore(confOf([])));
    leader.group.reportLostLog(2);
    network.settle();
    network.tick(1, 2);
    expect(leader.group.status().followers[1]).to.include({ state: "probe", match: 0 });
  });
});

describe("applying", () => {
  it("is handed no more bytes than the limit until some are applied", () => {
    const network = new TestNetwork(1, { maxCommittedBytesPerReady: 40 });
    const leader = network.elect(1);
    leader.isStalled = true;
    leader.group.propose([bytes("a".repeat(20)), bytes("b".repeat(20)), bytes("c".repeat(20))]);
    leader.flush();
    leader.isStalled = false;
    leader.flush();
    expect(leader.applied.map(({ index }) => index)).to.deep.equal([2, 3, 4, 5]);
  });

  it("waits for entries that are not in memory", () => {
    const store = newStore(confOf([1]));
    store.append([entry(1, 2, "a"), entry(1, 3, "b")]);
    store.hardState = { term: 1, vote: 1, commit: 3 };
    store.memoryFrom = 9;
    const replica = new TestReplica(1, store);
    replica.flush();
    expect(replica.group.hasReady()).to.equal(false);
    expect(textsOf(replica)).to.deep.equal([]);
    store.memoryFrom = 0;
    replica.group.entriesFetched();
    replica.flush();
    expect(textsOf(replica)).to.deep.equal(["a", "b"]);
  });
});
