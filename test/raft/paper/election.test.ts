import { expect } from "chai";
import type { Message, RaftConfig, Role } from "../../../src/raft/index.js";
import { SeededRandom } from "../seeded-random.js";
import { append, ELECTION_TICKS, TestNetwork } from "../test-network.js";
import type { TestReplica } from "../test-network.js";
import {
  heartbeat,
  makeLeader,
  PLAIN,
  replicaWith,
  requestVote,
  settledLeader,
  voteOf,
} from "./plain-raft.js";

const LAST = { index: 1, term: 1 };

function roleOf(replica: TestReplica): Role {
  return replica.group.status().role;
}

function votersOf(size: number): number[] {
  return Array.from({ length: size }, (_, at) => at + 1);
}

describe("leader election (Raft paper, 5.2)", () => {
  it("5.2: a server begins as a follower", () => {
    expect(replicaWith().group.status()).to.include({ role: "follower", leader: 0, term: 0 });
    expect(replicaWith({ terms: [1], term: 3, vote: 1 }).group.status().role).to.equal("follower");
  });

  it("5.2: a follower stays one while it hears from a leader or grants its vote", () => {
    const hears: Message[] = [
      heartbeat(2, 1, 1),
      append({ from: 2, to: 1, term: 1 }, LAST, []),
      requestVote(3, 1, 1, LAST),
    ];
    for (const message of hears) {
      const replica = replicaWith({ terms: [1] });
      replica.tick(ELECTION_TICKS - 1);
      replica.hear(message);
      replica.tick(ELECTION_TICKS - 1);
      expect(roleOf(replica), message.kind).to.equal("follower");
      replica.tick(1);
      expect(roleOf(replica), message.kind).to.equal("candidate");
    }
  });

  it("5.2: a vote that it refuses does not keep a follower from campaigning", () => {
    const replica = replicaWith({ terms: [1, 2] });
    replica.tick(ELECTION_TICKS - 1);
    replica.hear(requestVote(3, 1, 2, LAST));
    replica.tick(1);
    expect(roleOf(replica)).to.equal("candidate");
  });

  it("5.2: a leader sends heartbeats to all others at each interval", () => {
    const leader = settledLeader({}, { heartbeatTicks: 3 });
    expect(leader.tick(2)).to.deep.equal([]);
    const beats = leader.tick(1);
    expect(beats.map(({ kind, to }) => [kind, to])).to.deep.equal([
      ["heartbeat", 2],
      ["heartbeat", 3],
    ]);
  });

  for (const role of ["follower", "candidate"] as const) {
    it(`5.2: a ${role} that hears of no leader begins an election in the next term`, () => {
      const replica = replicaWith({ terms: [1], term: 1 });
      if (role === "candidate") {
        replica.group.campaign();
        replica.flush();
      }
      const { term } = replica.group.status();
      const said = replica.tick(2 * ELECTION_TICKS - 1).slice(0, 2);
      expect(replica.group.status()).to.include({ role: "candidate", term: term + 1, vote: 1 });
      expect(said).to.deep.equal([
        { ...requestVote(1, 2, term + 1, LAST) },
        { ...requestVote(1, 3, term + 1, LAST) },
      ]);
    });
  }

  it("5.2: an election is won with the votes of a majority, lost with its refusals", () => {
    // size, votes beside the own one, refusals
    const cases: [number, number, number, Role][] = [
      [1, 0, 0, "leader"],
      [2, 0, 0, "candidate"],
      [2, 1, 0, "leader"],
      [3, 1, 0, "leader"],
      [3, 2, 0, "leader"],
      [3, 1, 1, "leader"],
      [3, 0, 1, "candidate"],
      [3, 0, 2, "follower"],
      [4, 1, 1, "candidate"],
      [4, 2, 1, "leader"],
      [4, 1, 2, "follower"],
      [5, 1, 2, "candidate"],
      [5, 2, 0, "leader"],
      [5, 4, 0, "leader"],
      [5, 2, 2, "leader"],
      [5, 1, 3, "follower"],
      [5, 0, 4, "follower"],
      [5, 0, 0, "candidate"],
    ];
    for (const [size, votes, refusals, role] of cases) {
      const replica = replicaWith({ voters: votersOf(size) });
      replica.group.campaign();
      replica.flush();
      for (let from = 2; from < 2 + votes; from++) replica.hear(voteOf(from, 1, 1));
      for (let from = 2 + votes; from < 2 + votes + refusals; from++) {
        replica.hear(voteOf(from, 1, 1, true));
      }
      expect(roleOf(replica), `${size} ${votes} ${refusals}`).to.equal(role);
      expect(replica.group.status().term).to.equal(1);
    }
  });

  it("5.2: a vote counts once, however often it arrives", () => {
    const replica = replicaWith({ voters: votersOf(5) });
    replica.group.campaign();
    replica.flush();
    for (let times = 0; times < 4; times++) replica.hear(voteOf(2, 1, 1));
    expect(roleOf(replica)).to.equal("candidate");
  });

  it("5.2: a server votes for at most one candidate a term, first come first served", () => {
    for (const [vote, asks, grants] of [
      [0, 2, true],
      [0, 3, true],
      [2, 2, true],
      [3, 3, true],
      [2, 3, false],
      [3, 2, false],
    ] as const) {
      const replica = replicaWith({ term: 1, vote });
      const [answer] = replica.hear(requestVote(asks, 1, 1));
      expect(answer, `${vote} ${asks}`).to.deep.equal(voteOf(1, asks, 1, !grants));
    }
  });

  it("5.2: a vote is stored before it is given, and remembered over a restart", () => {
    const replica = replicaWith();
    replica.isStalled = true;
    expect(replica.hear(requestVote(2, 1, 1))).to.deep.equal([]);
    replica.isStalled = false;
    expect(replica.flush()).to.deep.equal([voteOf(1, 2, 1)]);
    const again = replicaWith(replica.store.hardState);
    expect(again.hear(requestVote(3, 1, 1))).to.deep.equal([voteOf(1, 3, 1, true)]);
  });

  it("5.2: a candidate that hears from a leader of its term or a later one follows it", () => {
    for (const term of [1, 2]) {
      for (const message of [append({ from: 2, to: 1, term }, LAST, []), heartbeat(2, 1, term)]) {
        const replica = replicaWith();
        replica.group.campaign();
        replica.flush();
        replica.hear(message);
        expect(replica.group.status()).to.include({ role: "follower", term, leader: 2 });
      }
    }
  });

  it("5.2: a candidate that hears from a leader of a former term goes on", () => {
    const replica = replicaWith({ term: 3 });
    replica.group.campaign();
    replica.flush();
    replica.hear(append({ from: 2, to: 1, term: 3 }, LAST, []));
    expect(replica.group.status()).to.include({ role: "candidate", term: 4, leader: 0 });
  });

  it("5.2: a split vote has no winner and is followed by an election in the next term", () => {
    const network = new TestNetwork(4, PLAIN);
    for (const id of [1, 2]) network.at(id).group.campaign();
    const requests = [1, 2].flatMap((id) => network.at(id).flush());
    // 3 hears 1 first, and 4 hears 2.
    const first = requests.filter(({ from, to }) => to === from + 2);
    network.settle([...first, ...requests.filter((request) => !first.includes(request))]);
    expect(network.replicas.map(roleOf)).not.to.include("leader");
    network.tick(1, 2 * ELECTION_TICKS - 1);
    expect(network.at(1).group.status()).to.include({ role: "leader", term: 3 });
  });

  for (const role of ["follower", "candidate"] as const) {
    it(`5.2: a ${role}'s election timeout is drawn anew each time, between one and two times the base`, () => {
      const asked: [number, number][] = [];
      const seen = new Set<number>();
      for (let round = 0; round < 30 * ELECTION_TICKS; round++) {
        const random = new SeededRandom(round);
        const randomTicks: RaftConfig["randomTicks"] = (min, max) => {
          asked.push([min, max]);
          return random.between(min, max);
        };
        const replica = replicaWith({}, { randomTicks });
        if (role === "candidate") replica.group.campaign();
        else replica.hear(heartbeat(2, 1, 1));
        replica.flush();
        const { term } = replica.group.status();
        let ticks = 0;
        for (; replica.group.status().term === term; ticks++) replica.tick(1);
        seen.add(ticks);
      }
      for (const range of asked)
        expect(range).to.deep.equal([ELECTION_TICKS, 2 * ELECTION_TICKS - 1]);
      expect([...seen].sort((a, b) => a - b)).to.deep.equal(
        Array.from({ length: ELECTION_TICKS }, (_, at) => ELECTION_TICKS + at),
      );
    });
  }

  it("5.2: timeouts that are random seldom let two servers campaign at the same tick", () => {
    const random = new SeededRandom(1);
    const rounds = 500;
    let conflicts = 0;
    for (let round = 0; round < rounds; round++) {
      const randomTicks = random.between.bind(random);
      const network = new TestNetwork(5, { ...PLAIN, randomTicks });
      let campaigns = 0;
      while (campaigns === 0) {
        for (const replica of network.replicas) {
          replica.tick(1);
          if (roleOf(replica) === "candidate") campaigns += 1;
        }
      }
      if (campaigns > 1) conflicts += 1;
    }
    // One in four with ten ticks and five servers: 1 - sum over t of 5/10 ((9-t)/10)^4.
    expect(conflicts / rounds).to.be.below(0.35);
  });

  it("5.2: a new leader tells the others at once, so that nobody else campaigns", () => {
    const leader = replicaWith({ terms: [1] });
    const said = makeLeader(leader).filter((message) => message.kind === "append");
    expect(said.map(({ to, term }) => [to, term])).to.deep.equal([
      [2, 2],
      [3, 2],
    ]);
  });
});
