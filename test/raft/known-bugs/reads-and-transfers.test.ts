import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { ChangeKind } from "../../../src/raft/index.js";
import {
  bytes,
  confOf,
  ELECTION_TICKS,
  newStore,
  TestNetwork,
  TestReplica,
} from "../test-network.js";

const PLAIN = { preVote: false, checkQuorum: false };

describe("known bugs of linearizable reads", () => {
  // https://github.com/etcd-io/etcd/issues/7331
  it("etcd#7331: a new leader answers no read before it has committed in its own term", () => {
    const network = new TestNetwork(3, PLAIN);
    network.elect(1).group.propose([bytes("x")]);
    network.settle();
    // 2 holds x and was told of its commit by nobody.
    const next = network.at(2);
    expect(next.group.status()).to.include({ lastIndex: 3 });
    next.group.campaign();
    const [request] = next.flush().filter(({ to }) => to === 3);
    const votes = request === undefined ? [] : network.at(3).hear(request);
    const appends = votes.flatMap((said) => next.hear(said));
    next.group.readIndex(7);
    for (const beat of next.tick(1)) {
      if (beat.kind !== "heartbeat") continue;
      network
        .at(beat.to)
        .hear(beat)
        .forEach((answer) => next.hear(answer));
    }
    expect(next.reads).to.deep.equal([]);
    network.settle(appends);
    expect(next.reads).to.deep.equal([{ index: 4, context: 7 }]);
  });

  // https://github.com/etcd-io/etcd/issues/20418 https://github.com/etcd-io/raft/pull/397
  it("etcd#20418: a read that is asked for again under its old name is not confirmed by answers to the first", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    leader.group.readIndex(7);
    const answers = leader.flush().flatMap((beat) => network.at(beat.to).hear(beat));
    expect(answers).to.have.length(2);
    for (const answer of answers) leader.hear(answer);
    expect(leader.reads).to.have.length(1);
    leader.group.readIndex(7);
    leader.flush();
    for (let times = 0; times < 3; times++) for (const answer of answers) leader.hear(answer);
    expect(leader.reads).to.have.length(1);
  });

  // https://github.com/etcd-io/etcd/issues/6005
  // https://github.com/tikv/tikv/issues/964
  // https://github.com/etcd-io/raft/issues/166
  it("etcd#6005: a leader that was paused, and replaced meanwhile, answers no read when it goes on", () => {
    const network = new TestNetwork(3);
    const paused = network.elect(1);
    network.cutOff.add(1);
    for (const id of [3, 2]) network.at(id).tick(ELECTION_TICKS);
    network.at(2).group.campaign();
    network.settle();
    network.elect(2).group.propose([bytes("newer")]);
    network.settle();
    // It did not see the time pass, so that it still takes itself for the leader.
    network.cutOff.clear();
    expect(paused.group.status().role).to.equal("leader");
    paused.group.readIndex(7);
    network.settle(paused.flush());
    expect(paused.reads).to.deep.equal([]);
    expect(paused.group.status().role).to.equal("follower");
  });

  // https://github.com/etcd-io/etcd/issues/6005
  it("etcd#6005: leases that are counted in ticks can be had by the scenarios alone", async () => {
    const files = await readdir("src", { recursive: true });
    const found: string[] = [];
    for (const file of files.filter((name) => name.endsWith(".ts"))) {
      const text = await readFile(join("src", file), "utf8");
      if (/lease-based/u.test(text)) found.push(file.split(/[\\/]/u)[0] ?? "");
    }
    expect([...new Set(found)]).to.deep.equal(["raft"]);
  });

  // https://github.com/tikv/raft-rs/issues/140 https://github.com/tikv/raft-rs/issues/141
  it("raft-rs#140: a configuration with leases and without the check of the quorum does not start", () => {
    const start = (checkQuorum: boolean) => (): TestReplica =>
      new TestReplica(1, newStore(confOf([1])), { readOnly: "lease-based", checkQuorum });
    expect(start(false)).to.throw("lease-based reads need checkQuorum");
    expect(start(true)).not.to.throw();
  });
});

describe("known bugs of leadership transfers", () => {
  // https://github.com/hashicorp/raft/issues/487 https://github.com/redpanda-data/redpanda/issues/2606
  it("hashicorp#487: a hundred transfers under constant writes all succeed, and lose nothing accepted", () => {
    const network = new TestNetwork(3);
    network.elect(1);
    const accepted: string[] = [];
    let refused = 0;
    const write = (text: string): void => {
      for (const { group } of network.replicas) {
        if (group.status().role !== "leader") continue;
        const outcome = group.propose([bytes(text)]);
        if (outcome.kind === "accepted") accepted.push(text);
        else refused += 1;
      }
    };
    for (let round = 0; round < 100; round++) {
      const from = network.at((round % 3) + 1);
      const to = ((round + 1) % 3) + 1;
      write(`${round} before`);
      expect(from.group.transferLeader(to)).to.include({ kind: "accepted" });
      for (let at = 0; at < 5; at++) write(`${round} during ${at}`);
      network.settle();
      expect(network.at(to).group.status().role, String(round)).to.equal("leader");
    }
    network.tick(network.findLeader()?.id ?? 0, 2);
    expect(refused).to.equal(500);
    for (const { applied } of network.replicas) {
      const texts = applied.map(({ data }) => new TextDecoder().decode(data));
      expect(texts.filter((text) => text !== "")).to.deep.equal(accepted);
    }
  });

  // https://github.com/lni/dragonboat/issues/223
  it("dragonboat#223: a transfer works with pre-votes and leases", () => {
    const network = new TestNetwork(3, { preVote: true, checkQuorum: true });
    network.elect(1).group.transferLeader(3);
    network.settle();
    expect(network.at(3).group.status().role).to.equal("leader");
  });

  // https://github.com/etcd-io/raft/blob/main/raft_test.go TestLeaderTransferRemoveNode
  it("etcd, a transferee that is removed: the leader goes on and takes proposals", () => {
    const network = new TestNetwork(3);
    const leader = network.elect(1);
    network.cutOff.add(3);
    const changes: { kind: ChangeKind; replica: number }[] = [{ kind: "remove", replica: 3 }];
    leader.group.proposeConfChange({ transition: "auto", changes, context: bytes("") });
    leader.group.transferLeader(3);
    expect(leader.group.propose([bytes("x")])).to.include({ reason: "transferring" });
    network.settle();
    expect(leader.group.status()).to.include({ role: "leader", transferee: 0 });
    expect(leader.group.propose([bytes("x")])).to.include({ kind: "accepted" });
  });

  // https://github.com/cockroachdb/cockroach/issues/130123
  it("cockroach#130123: a leader that handed over answers no read by its lease", () => {
    const network = new TestNetwork(3, { readOnly: "lease-based" });
    const leader = network.elect(1);
    leader.group.readIndex(7);
    leader.flush();
    expect(leader.reads).to.have.length(1);
    leader.group.transferLeader(3);
    const order = leader.flush().find(({ kind }) => kind === "timeout-now");
    expect(order).to.include({ to: 3 });
    leader.group.readIndex(8);
    leader.flush();
    expect(leader.reads).to.have.length(1);
    network.settle(order === undefined ? [] : [order]);
    expect(leader.group.status().role).to.equal("follower");
    expect(leader.reads).to.have.length(1);
  });
});
