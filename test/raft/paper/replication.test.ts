import { expect } from "chai";
import type { Message } from "../../../src/raft/index.js";
import { append, bytes, confOf, entry, TestNetwork } from "../test-network.js";
import type { TestReplica } from "../test-network.js";
import {
  acknowledge,
  appliedOf,
  heartbeat,
  makeLeader,
  PLAIN,
  replicaWith,
  settledLeader,
  termsOf,
} from "./plain-raft.js";

type Append = Extract<Message, { kind: "append" }>;

function appendsOf(said: readonly Message[]): Append[] {
  return said.filter((message) => message.kind === "append");
}

describe("log replication (Raft paper, 5.3)", () => {
  it("5.3: a leader appends a command and sends it to all others, after what precedes it", () => {
    const leader = settledLeader();
    leader.group.propose([bytes("x")]);
    const said = appendsOf(leader.flush());
    expect(leader.group.status()).to.include({ lastIndex: 2, commit: 1 });
    const sent = { prevIndex: 1, prevTerm: 1, commit: 1, entries: [entry(1, 2, "x")] };
    for (const [at, to] of [2, 3].entries()) {
      expect(said[at]).to.deep.equal({ kind: "append", from: 1, to, term: 1, ...sent });
    }
  });

  it("5.3: a leader sends while its own disk still writes, and counts itself only after", () => {
    const leader = settledLeader();
    leader.isStalled = true;
    leader.group.propose([bytes("x")]);
    expect(appendsOf(leader.flush())).to.have.length(2);
    leader.hear(acknowledge(2, 1, 1, 2));
    expect(leader.group.status().commit).to.equal(1);
    leader.isStalled = false;
    leader.flush();
    expect(leader.group.status().commit).to.equal(2);
  });

  it("5.3: an entry is committed, applied and announced once a majority has it", () => {
    const leader = settledLeader();
    leader.group.propose([bytes("x")]);
    leader.flush();
    const said = leader.hear(acknowledge(2, 1, 1, 2));
    expect(leader.group.status().commit).to.equal(2);
    expect(appliedOf(leader)).to.deep.equal([1, 2]);
    expect(appendsOf(said).map(({ to, commit }) => [to, commit])).to.deep.include([3, 2]);
  });

  it("5.3: a majority is one of all voters, whoever they are", () => {
    // voters, who has it beside the leader, committed
    const cases: [number, number[], boolean][] = [
      [1, [], true],
      [2, [], false],
      [2, [2], true],
      [3, [], false],
      [3, [2], true],
      [3, [3], true],
      [3, [2, 3], true],
      [5, [], false],
      [5, [2], false],
      [5, [2, 3], true],
      [5, [4, 5], true],
      [5, [2, 3, 4, 5], true],
    ];
    for (const [size, holders, isCommitted] of cases) {
      const voters = Array.from({ length: size }, (_, at) => at + 1);
      const leader = settledLeader({ voters });
      leader.group.propose([bytes("x")]);
      leader.flush();
      for (const from of holders) leader.hear(acknowledge(from, 1, 1, 2));
      const what = `${size} voters, ${holders.join()}`;
      expect(leader.group.status().commit, what).to.equal(isCommitted ? 2 : 1);
    }
  });

  it("5.3: committing an entry commits all before it, also those of former leaders", () => {
    for (const terms of [[], [2], [1, 2], [1]]) {
      const leader = replicaWith({ terms, term: 2 });
      makeLeader(leader);
      leader.group.propose([bytes("x")]);
      leader.flush();
      const { lastIndex } = leader.group.status();
      leader.hear(acknowledge(2, 1, 3, lastIndex));
      const all = Array.from({ length: terms.length + 2 }, (_, at) => at + 1);
      expect(appliedOf(leader), terms.join()).to.deep.equal(all);
    }
  });

  it("5.3: a leader includes its commit index, and a follower applies up to it in order", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    leader.group.propose([bytes("a"), bytes("b"), bytes("c")]);
    network.settle();
    network.tick(1);
    for (const replica of network.replicas) {
      expect(appliedOf(replica)).to.deep.equal([2, 3, 4, 5]);
    }
  });

  it("5.3: a follower commits what it is told, as far as its log is known to match", () => {
    const entries = [entry(1, 1, "a"), entry(1, 2, "b"), entry(1, 3, "c")];
    for (const [count, commit, expected] of [
      [1, 1, 1],
      [2, 1, 1],
      [2, 2, 2],
      [3, 2, 2],
      [2, 9, 2],
    ] as const) {
      const follower = replicaWith();
      const start = { index: 0, term: 0 };
      follower.hear(append({ from: 2, to: 1, term: 1 }, start, entries.slice(0, count), commit));
      expect(follower.group.status().commit).to.equal(expected);
      expect(appliedOf(follower)).to.deep.equal([1, 2, 3].slice(0, expected));
    }
  });

  it("5.3: a follower never commits an entry that may be replaced by the leader's", () => {
    // 1/2 is left from a former leader; the leader's append is empty and ends before it.
    const follower = replicaWith({ terms: [1, 1], term: 2 });
    follower.hear(append({ from: 2, to: 1, term: 2 }, { index: 1, term: 1 }, [], 2));
    expect(follower.group.status().commit).to.equal(1);
  });

  it("5.3: a leader goes on until every follower has everything, whatever is lost", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    network.cutOff.add(3);
    for (let at = 0; at < 20; at++) {
      leader.group.propose([bytes(`x${at}`)]);
      network.settle();
    }
    expect(leader.group.status().commit).to.equal(22);
    network.cutOff.clear();
    network.tick(1, 3);
    expect(termsOf(network.at(3))).to.deep.equal(termsOf(leader));
    expect(appliedOf(network.at(3))).to.deep.equal(appliedOf(leader));
  });

  it("5.3: a follower refuses an append unless it has the entry that precedes it", () => {
    const has = [1, 2];
    for (const [index, term, isRefused] of [
      [0, 0, false],
      [1, 1, false],
      [2, 2, false],
      [1, 2, true],
      [2, 1, true],
      [3, 2, true],
    ] as const) {
      const follower = replicaWith({ terms: has, commit: 0 });
      const [answer] = follower.hear(append({ from: 2, to: 1, term: 2 }, { index, term }, []));
      expect(answer, `${term}/${index}`).to.include({
        ...{ kind: "append-response", to: 2, index, reject: isRefused },
      });
      expect(termsOf(follower)).to.deep.equal(has);
    }
  });

  it("5.3: what conflicts with an entry is deleted, with all after it, and replaced", () => {
    const cases: [number, number, [number, number][], number[], number][] = [
      // Preceding entry, entries sent, terms afterwards, first entry written.
      [2, 2, [[3, 3]], [1, 2, 3], 3],
      [
        1,
        1,
        [
          [3, 2],
          [4, 3],
        ],
        [1, 3, 4],
        2,
      ],
      [0, 0, [[1, 1]], [1, 2], 0],
      [0, 0, [[3, 1]], [3], 1],
      [
        1,
        1,
        [
          [2, 2],
          [2, 3],
        ],
        [1, 2, 2],
        3,
      ],
    ];
    for (const [index, term, sent, after, firstWritten] of cases) {
      const follower = replicaWith({ terms: [1, 2] });
      const entries = sent.map(([of, at]) => entry(of, at, `${of}/${at}`));
      follower.group.step(append({ from: 2, to: 1, term: 4 }, { index, term }, entries));
      const written = follower.group.ready().append?.entries[0]?.index ?? 0;
      expect(written, JSON.stringify(sent)).to.equal(firstWritten);
      const again = replicaWith({ terms: [1, 2] });
      again.hear(append({ from: 2, to: 1, term: 4 }, { index, term }, entries));
      expect(termsOf(again), JSON.stringify(sent)).to.deep.equal(after);
    }
  });

  it("5.3: a leader brings every log of figure 7 in line with its own", () => {
    const lead = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const figure: Readonly<Record<string, number[]>> = {
      a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
      b: [1, 1, 1, 4],
      c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      e: [1, 1, 1, 4, 4, 4, 4],
      f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    };
    for (const [name, terms] of Object.entries(figure)) {
      const network = new TestNetwork(0);
      const leader = replicaWith({ id: 1, terms: lead, term: 7, commit: 3 });
      const follower = replicaWith({ id: 2, terms, term: 7, commit: 3 });
      network.replicas.push(leader, follower, replicaWith({ id: 3, term: 7 }));
      leader.group.campaign();
      network.settle(leader.flush());
      leader.group.propose([bytes("x")]);
      network.settle();
      network.tick(1, 2);
      expect(leader.group.status(), name).to.include({ role: "leader", term: 8 });
      expect(termsOf(follower), name).to.deep.equal([...lead, 8, 8]);
      expect(follower.group.status().commit, name).to.equal(12);
    }
  });

  it("5.3: a refusal skips a whole term at a time", () => {
    const leader = settledLeader({ terms: [1, 1, 1, 1, 1, 1], term: 2 });
    const follower = replicaWith({ id: 2, terms: [1, 2, 2, 2, 2, 2, 2], term: 2 });
    makeLeaderProbe(leader);
    const probe = append({ from: 1, to: 2, term: 3 }, { index: 7, term: 3 }, []);
    const [refusal] = follower.hear(probe);
    expect(refusal).to.include({ reject: true, hintIndex: 7, hintTerm: 2 });
    const [next] = refusal === undefined ? [] : appendsOf(leader.hear(refusal));
    // The leader's last entry of a term up to 2.
    expect(next).to.include({ prevIndex: 6, prevTerm: 1 });
    const [second] = next === undefined ? [] : follower.hear(next);
    expect(second).to.include({ reject: true, hintIndex: 1, hintTerm: 1 });
  });

  it("5.3: a leader never deletes or overwrites what is in its own log", () => {
    const leader = settledLeader({ terms: [1, 2], term: 2 });
    const before = termsOf(leader);
    leader.hear(append({ from: 2, to: 1, term: 3 }, { index: 1, term: 1 }, [entry(3, 2)], 2));
    leader.hear(heartbeat(2, 1, 3, 3));
    expect(termsOf(leader)).to.deep.equal(before);
    expect(leader.group.status()).to.include({ role: "leader", term: 3 });
  });

  it("5.3: a new leader begins with each follower after its own last entry", () => {
    const leader = replicaWith({ terms: [1, 1, 2], term: 2 });
    const said = appendsOf(makeLeader(leader));
    for (const message of said) expect(message).to.include({ prevIndex: 3, prevTerm: 2 });
    for (const { id, match } of leader.group.status().followers) {
      if (id !== 1) expect(match).to.equal(0);
    }
  });

  it("5.3: one slow follower slows nobody down", () => {
    const network = new TestNetwork(3, PLAIN);
    const leader = network.elect(1);
    network.at(3).isStalled = true;
    for (let at = 0; at < 50; at++) {
      leader.group.propose([bytes("x")]);
      network.settle();
    }
    expect(leader.group.status().commit).to.equal(52);
    expect(appliedOf(network.at(2))).to.have.length.above(48);
    expect(network.at(3).store.confState).to.deep.equal(confOf([1, 2, 3]));
  });
});

/** Makes the leader take its follower's log for unknown. */
function makeLeaderProbe(leader: TestReplica): void {
  leader.group.reportLostLog(2);
  leader.flush();
}
