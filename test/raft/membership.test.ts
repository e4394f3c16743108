import { expect } from "chai";
import { fc } from "../support/properties.js";
import { decodeConfChange, encodeConfChange, LEAVE_JOINT } from "../../src/raft/index.js";
import type { ChangeKind, ConfChange, ConfState } from "../../src/raft/index.js";
import { changeMembership, fromConfState, toConfState } from "../../src/raft/membership.js";
import { append, bytes, confOf, newStore, TestNetwork, TestReplica } from "./test-network.js";

function change(
  changes: readonly [ChangeKind, number][],
  transition: ConfChange["transition"] = "auto",
): ConfChange {
  return {
    transition,
    changes: changes.map(([kind, replica]) => ({ kind, replica })),
    context: new Uint8Array(0),
  };
}

describe("a conf change", () => {
  it("survives its encoding", () => {
    const kinds = fc.constantFrom<ChangeKind>("add-voter", "add-learner", "remove", "update");
    const single = fc.record({ kind: kinds, replica: fc.maxSafeNat() });
    const any = fc.record({
      transition: fc.constantFrom("auto" as const, "implicit" as const, "explicit" as const),
      changes: fc.array(single, { maxLength: 5 }),
      context: fc.uint8Array({ maxLength: 20 }),
    });
    fc.assert(
      fc.property(any, (one) => {
        expect(decodeConfChange(encodeConfChange(one))).to.deep.equal(one);
      }),
    );
  });

  it("that leaves a joint configuration is no bytes", () => {
    expect(encodeConfChange(LEAVE_JOINT)).to.have.length(0);
    expect(decodeConfChange(new Uint8Array(0))).to.deep.equal(LEAVE_JOINT);
  });

  it("that is malformed is never taken from a peer", () => {
    const network = new TestNetwork(1);
    const leader = network.elect(1);
    const entries = [{ kind: "conf-change-v2", data: bytes("?") } as const];
    const outcome = leader.group.step({ kind: "propose", from: 2, to: 1, term: 0, entries });
    expect(outcome).to.include({ reason: "malformed" });
  });

  it("takes effect when it is applied", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    leader.group.proposeConfChange(change([["add-voter", 4]]));
    leader.isStalled = true;
    network.settle();
    expect(leader.group.status().confState.voters).to.deep.equal([1, 2, 3]);
    leader.isStalled = false;
    network.settle();
    expect(leader.group.status().confState.voters).to.deep.equal([1, 2, 3, 4]);
  });

  it("is refused while another is not applied", () => {
    const leader = new TestNetwork(3).elect(1);
    const add = change([["add-learner", 4]]);
    const { lastIndex } = leader.group.status();
    expect(leader.group.proposeConfChange(add)).to.include({ kind: "accepted" });
    expect(leader.group.proposeConfChange(add)).to.include({ reason: "conf-change-pending" });
    expect(leader.group.hasPendingConfChange()).to.equal(true);
    expect(leader.group.status().lastIndex).to.equal(lastIndex + 1);
  });

  it("is refused before the leader has committed in its own term", () => {
    const network = new TestNetwork(3, { preVote: false });
    network.elect(1).group.propose([bytes("a")]);
    network.settle();
    const next = network.at(2);
    next.group.campaign();
    next.flush();
    next.hear({ kind: "vote-response", from: 3, to: 2, term: 3, reject: false });
    const refusal = next.group.proposeConfChange(change([["add-learner", 4]]));
    expect(refusal).to.include({ reason: "conf-change-pending" });
  });

  it("that no membership could follow is refused", () => {
    const leader = new TestNetwork(1).elect(1);
    const emptyOnes = [LEAVE_JOINT, change([], "explicit"), change([], "implicit")];
    const refusals = [change([["remove", 1]]), ...emptyOnes].map((one) =>
      leader.group.proposeConfChange(one),
    );
    for (const refusal of refusals)
      expect(refusal).to.include({ reason: "conf-change-impossible" });
  });

  it("of several replicas is left without being asked", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    leader.group.proposeConfChange(
      change([
        ["remove", 3],
        ["add-learner", 2],
      ]),
    );
    network.settle();
    const expected: ConfState = confOf([1], [2]);
    expect(leader.group.status().confState).to.deep.equal(expected);
  });

  it("that must be left explicitly needs both majorities until then", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    leader.group.proposeConfChange(
      change(
        [
          ["remove", 2],
          ["remove", 3],
        ],
        "explicit",
      ),
    );
    network.settle();
    network.cutOff.add(2).add(3);
    const { commit } = leader.group.status();
    leader.group.propose([bytes("a")]);
    network.settle();
    expect(leader.group.status().commit).to.equal(commit);
    network.cutOff.clear();
    network.tick(1);
    leader.group.proposeConfChange(LEAVE_JOINT);
    network.settle();
    expect(leader.group.status().confState).to.deep.equal(confOf([1]));
  });

  it("that a snapshot brought already has no effect again", () => {
    const follower = new TestReplica(1, newStore(confOf([1, 2, 3])));
    const meta = { index: 9, term: 1, confState: confOf([1, 2, 3, 4, 5]) };
    const snapshot = { meta, data: new Uint8Array(0) };
    follower.hear({ kind: "snapshot", from: 2, to: 1, term: 1, snapshot });
    const late = change([["remove", 5]]);
    expect(follower.group.applyConfChange(late, 8)).to.deep.equal(meta.confState);
    expect(follower.group.applyConfChange(late, 10)).to.deep.equal(confOf([1, 2, 3, 4]));
  });

  it("that removes the leader makes it step down, and the others elect one of them", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    leader.group.proposeConfChange(change([["remove", 1]]));
    network.settle();
    expect(leader.group.status()).to.include({ role: "follower", leader: 0 });
    expect(leader.group.propose([bytes("a")])).to.include({ kind: "refused" });
    for (let ticks = 0; ticks < 11; ticks++) for (const id of [3, 2]) network.tick(id);
    expect(network.at(2).group.status()).to.include({ role: "leader" });
  });
});

describe("a membership", () => {
  it("survives its encoding as a conf state, joint or not", () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    const kinds = fc.constantFrom<ChangeKind>("add-voter", "add-learner", "remove");
    const changes = fc.array(fc.tuple(kinds, fc.integer({ min: 1, max: 9 })), { maxLength: 5 });
    fc.assert(
      fc.property(ids, changes, (voters, list) => {
        const base = fromConfState(confOf(voters));
        const changed = changeMembership(base, change(list, "explicit"));
        if (changed.kind === "impossible") return;
        const state = toConfState(changed.membership);
        expect(toConfState(fromConfState(state))).to.deep.equal(state);
        for (const id of state.learners) expect(state.voters).not.to.include(id);
        for (const id of state.learnersNext) expect(state.votersOutgoing).to.include(id);
      }),
    );
  });

  it("changes by one voter at a time unless it is joint", () => {
    const base = fromConfState(confOf([1, 2, 3]));
    expect(changeMembership(base, change([["add-voter", 4]])).kind).to.equal("changed");
    const two = change([
      ["add-voter", 4],
      ["add-voter", 5],
    ]);
    const changed = changeMembership(base, two);
    expect(changed.kind === "changed" && changed.membership.voters.outgoing.size).to.equal(3);
  });

  it("without anyone takes no append for a reason to vote", () => {
    const stranger = new TestReplica(9, newStore(confOf([1, 2, 3])));
    stranger.hear(append({ from: 1, to: 9, term: 1 }, { index: 1, term: 1 }, []));
    stranger.tick(50);
    expect(stranger.group.status()).to.include({ role: "follower", term: 1 });
  });
});
