import { expect } from "chai";
import { encodeConfChange, LEAVE_JOINT } from "../../../src/raft/index.js";
import type { ChangeKind, ConfChange, Entry, EntryKind } from "../../../src/raft/index.js";
import { MemoryStore } from "../memory-store.js";
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

function change(
  changes: readonly [ChangeKind, number][],
  transition: ConfChange["transition"] = "auto",
): ConfChange {
  const singles = changes.map(([kind, replica]) => ({ kind, replica }));
  return { transition, changes: singles, context: new Uint8Array(0) };
}

function changeEntry(
  term: number,
  index: number,
  one: ConfChange,
  kind: EntryKind = "conf-change-v2",
): Entry {
  return { term, index, kind, data: encodeConfChange(one) };
}

function newcomer(id: number): TestReplica {
  return new TestReplica(id, new MemoryStore(confOf([])), PLAIN);
}

/** A follower of three that has a committed change in its log and has not applied it. */
function withUnappliedChange(entryOf: Entry, joint = false): TestReplica {
  const store = newStore(confOf([1, 2, 3]));
  if (joint) store.confState = { ...confOf([1, 2, 4]), votersOutgoing: [1, 2, 3] };
  const replica = new TestReplica(1, store, PLAIN);
  replica.hear(append({ from: 2, to: 1, term: 1 }, { index: 1, term: 1 }, [entryOf]));
  replica.isStalled = true;
  replica.hear(append({ from: 2, to: 1, term: 1 }, { index: 2, term: 1 }, [], 2));
  return replica;
}

describe("known bugs of membership changes", () => {
  // https://github.com/etcd-io/etcd/issues/7280
  it("etcd#7280: whoever committed a change and did not apply it wins no election of the old majority", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    network.replicas.push(newcomer(4));
    const late = network.at(2);
    leader.group.proposeConfChange(change([["add-voter", 4]]));
    leader.flush().forEach((message) => {
      if (message.to !== 1)
        network
          .at(message.to)
          .hear(message)
          .forEach((said) => leader.hear(said));
    });
    late.isStalled = true;
    network.settle();
    network.tick(1, 2);
    expect(late.group.status().commit).to.equal(3);
    expect(leader.group.status().confState.voters).to.deep.equal([1, 2, 3, 4]);
    expect(late.group.status().confState.voters).to.deep.equal([1, 2, 3]);
    late.group.campaign();
    late.tick(2 * ELECTION_TICKS);
    expect(late.group.status()).to.include({ role: "follower", term: 2 });
  });

  // https://github.com/etcd-io/etcd/issues/12133 https://github.com/tikv/raft-rs/issues/221
  it("etcd#12133: no reason to campaign and no kind of change is an exception to that", () => {
    const single = change([["add-voter", 4]]);
    const several = change([
      ["add-voter", 4],
      ["remove", 3],
    ]);
    const changes: [string, Entry, boolean][] = [
      ["of one replica, in the old form", changeEntry(1, 2, single, "conf-change"), false],
      ["of one replica", changeEntry(1, 2, single), false],
      ["of several", changeEntry(1, 2, several), false],
      ["that leaves a joint configuration", changeEntry(1, 2, LEAVE_JOINT), true],
    ];
    const reasons: Readonly<Record<string, (replica: TestReplica) => unknown>> = {
      "by time": (replica) => replica.tick(2 * ELECTION_TICKS),
      "when asked": (replica) => {
        replica.group.campaign();
      },
      "by the leader's order": (replica) =>
        replica.hear({ kind: "timeout-now", from: 2, to: 1, term: 1 }),
    };
    for (const [what, one, joint] of changes) {
      for (const [reason, campaign] of Object.entries(reasons)) {
        const replica = withUnappliedChange(one, joint);
        campaign(replica);
        expect(replica.group.status().role, `${what}, ${reason}`).to.equal("follower");
        replica.isStalled = false;
        replica.flush();
        campaign(replica);
        expect(replica.group.status().role, `${what}, ${reason}, applied`).to.equal("candidate");
      }
    }
  });

  // https://github.com/etcd-io/raft/issues/456 https://github.com/etcd-io/raft/pull/469
  it("raft#456: whoever stores a second change stores with it that the first is committed", () => {
    const replica = new TestReplica(3, newStore(confOf([1, 2, 3])), PLAIN);
    const [first, second] = [change([["add-voter", 4]]), change([["add-voter", 5]])];
    const from1 = { from: 1, to: 3, term: 1 };
    replica.hear(append(from1, { index: 1, term: 1 }, [changeEntry(1, 2, first)], 1));
    replica.isStalled = true;
    replica.group.step(append(from1, { index: 2, term: 1 }, [changeEntry(1, 3, second)], 2));
    const { append: work } = replica.group.ready();
    expect(work?.entries).to.have.length(1);
    expect(work?.hardState?.commit).to.equal(2);
    expect(work?.mustSync).to.equal(true);
    // So that after a crash here too it does not campaign with the majority of before both.
    if (work !== undefined) replica.store.persist(work);
    const again = new TestReplica(3, replica.store.copy(), PLAIN);
    again.isStalled = true;
    again.flush();
    again.group.campaign();
    expect(again.group.status().role).to.equal("follower");
  });

  // https://groups.google.com/g/raft-dev/c/t4xj6dJTP6E/m/d2D9LrWRza8J
  it("raft-dev, the bug of single-server changes: a leader appends none before it has committed in its term", () => {
    const network = new TestNetwork(4, PLAIN);
    const first = network.elect(1);
    network.cutOff.add(2).add(3).add(4);
    first.group.proposeConfChange(change([["add-voter", 5]]));
    network.settle();
    network.cutOff.clear();
    network.cutOff.add(1);
    const second = network.at(2);
    second.group.campaign();
    const requests = second.flush();
    for (const request of requests) {
      if (request.to !== 1)
        network
          .at(request.to)
          .hear(request)
          .forEach((said) => second.hear(said));
    }
    expect(second.group.status()).to.include({ role: "leader", commit: 2 });
    const own = change([["remove", 4]]);
    expect(second.group.proposeConfChange(own)).to.include({ reason: "conf-change-pending" });
    network.tick(2, 2);
    expect(second.group.proposeConfChange(own)).to.include({ kind: "accepted" });
  });

  // https://github.com/etcd-io/etcd/issues/11038 https://github.com/etcd-io/raft/pull/79
  it("etcd#11038: a leader that removed itself makes room for another within two election timeouts", () => {
    const random = new SeededRandom(5);
    const network = new TestNetwork(3, { randomTicks: random.between.bind(random) });
    const leader = network.elect(1);
    leader.group.proposeConfChange(change([["remove", 1]]));
    network.settle();
    expect(leader.group.status().role).to.equal("follower");
    expect(leader.tick(3)).to.deep.equal([]);
    network.tickAll(2 * ELECTION_TICKS);
    expect([2, 3]).to.include(network.findLeader()?.id);
  });

  // https://github.com/etcd-io/etcd/issues/10563
  it("etcd#10563: of two, the one that stays goes on though it never heard that the other's removal is committed", () => {
    const network = new TestNetwork(2);
    const leader = network.elect(1);
    leader.group.proposeConfChange(change([["remove", 1]]));
    const acknowledgements = leader.flush().flatMap((message) => network.at(2).hear(message));
    for (const said of acknowledgements) leader.hear(said);
    expect(leader.group.status()).to.include({ role: "follower", commit: 3 });
    expect(network.at(2).group.status().commit).to.equal(2);
    // What 1 said of the commit is lost, and 1 says nothing more by itself.
    network.tickAll(2 * ELECTION_TICKS);
    const { role, confState } = network.at(2).group.status();
    expect({ role, confState }).to.deep.equal({ role: "leader", confState: confOf([2]) });
    expect(network.at(2).group.propose([bytes("x")])).to.include({ kind: "accepted" });
  });

  // https://github.com/databendlabs/openraft/issues/1796
  it("openraft#1796: those with the longer logs learn the larger term from refused pre-votes, and lead", () => {
    const random = new SeededRandom(7);
    const network = new TestNetwork(0);
    const joint = { ...confOf([1, 2, 3, 4]), votersOutgoing: [3, 4, 5, 6] };
    for (const id of [1, 2, 3, 4, 5, 6]) {
      const store = newStore(joint);
      const isLong = id <= 3;
      if (isLong) store.append([entry(1, 2), entry(2, 3)]);
      store.hardState = { term: isLong ? 2 : 5, vote: 0, commit: 1 };
      network.replicas.push(
        new TestReplica(id, store, { randomTicks: random.between.bind(random) }),
      );
    }
    network.tickAll(4 * ELECTION_TICKS);
    const leader = network.findLeader();
    expect([1, 2, 3]).to.include(leader?.id);
    expect(leader?.group.status().term).to.be.above(5);
    expect(leader?.group.propose([bytes("x")])).to.include({ kind: "accepted" });
  });

  // https://github.com/databendlabs/openraft/issues/2091
  it("openraft#2091: a leader that is restarted before its own removal is committed can lead again", () => {
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
    network.cutOff.add(2).add(3).add(4);
    leader.group.proposeConfChange(LEAVE_JOINT);
    network.settle();
    const { lastIndex, commit } = leader.group.status();
    expect(lastIndex).to.equal(commit + 1);
    network.cutOff.clear();
    // It wins with the newest log, commits what it left behind, and is gone only then.
    const again = network.restart(1, PLAIN);
    again.group.campaign();
    network.settle();
    expect(again.group.status()).to.include({ role: "follower", term: 3 });
    expect(again.group.status().commit).to.be.above(lastIndex);
    expect(again.group.status().confState).to.deep.equal(confOf([2, 3, 4]));
  });

  // https://github.com/camunda/camunda/issues/57386
  it("camunda#57386: a replica votes by the asker's log, whatever it knows of the membership", () => {
    for (const known of [confOf([1, 2, 3]), confOf([1]), confOf([]), confOf([2], [1])]) {
      const voter = new TestReplica(1, newStore(known), PLAIN);
      const last = { lastIndex: 1, lastTerm: 1, transfer: false };
      const [answer] = voter.hear({ kind: "vote", from: 7, to: 1, term: 2, ...last });
      expect(answer).to.include({ kind: "vote-response", term: 2, reject: false });
    }
  });

  // https://github.com/matrixorigin/matrixone/issues/24966 https://github.com/matrixorigin/matrixone/issues/23281
  it("matrixone#24966: the membership of a snapshot is the one of its index: no older change touches it", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    leader.group.proposeConfChange(change([["add-learner", 4]]));
    network.settle();
    // Taken right after the change, it has it.
    const taken = leader.store.snapshot();
    expect(taken?.meta).to.deep.include({ index: 3, confState: confOf([1, 2, 3], [4]) });
    const other = new TestReplica(4, new MemoryStore(confOf([])), PLAIN);
    if (taken === undefined) throw new Error("there is no snapshot");
    other.hear({ kind: "snapshot", from: 1, to: 4, term: 2, snapshot: taken });
    other.group.applyConfChange(change([["remove", 3]]), 2);
    expect(other.group.status().confState).to.deep.equal(confOf([1, 2, 3], [4]));
  });
});
