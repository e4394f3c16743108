import { expect } from "chai";
import type { Message } from "../../../src/raft/index.js";
import {
  append,
  bytes,
  confOf,
  entry,
  newStore,
  TestNetwork,
  TestReplica,
} from "../test-network.js";

type SnapshotMessage = Extract<Message, { kind: "snapshot" }>;

/** A group of three whose third replica is behind the leader's compacted log. */
function withOneBehind(texts: readonly string[] = ["a", "b", "c"]): TestNetwork {
  const network = new TestNetwork(3);
  const leader = network.elect(1);
  network.cutOff.add(3);
  for (const text of texts) leader.group.propose([bytes(text)]);
  network.settle();
  leader.store.compact(5);
  leader.group.reportUnreachable(3);
  network.cutOff.delete(3);
  return network;
}

/** What the leader sends when the one that is behind answers a heartbeat. */
function nextSnapshot(network: TestNetwork): SnapshotMessage | undefined {
  const leader = network.at(1);
  const beat = leader.tick(1).find(({ to }) => to === 3);
  const answers = beat === undefined ? [] : network.at(3).hear(beat);
  const said = answers.flatMap((answer) => leader.hear(answer));
  return said.find((message) => message.kind === "snapshot");
}

function progressOf3(network: TestNetwork): unknown {
  return network.at(1).group.status().followers[2];
}

describe("known bugs of snapshots", () => {
  // https://github.com/etcd-io/etcd/issues/10225 https://github.com/dgraph-io/dgraph/issues/2698
  it("etcd#10225: a follower that died while it received a snapshot is sent another", () => {
    const network = withOneBehind();
    expect(nextSnapshot(network)?.snapshot.meta.index).to.equal(5);
    expect(progressOf3(network)).to.include({ state: "snapshot", pendingSnapshot: 5 });
    // Its owner reports every transfer that ends, and one that took too long.
    network.at(1).group.reportSnapshot(3, false);
    network.restart(3);
    expect(progressOf3(network)).to.include({ state: "probe", match: 2, next: 3 });
    network.tick(1, 2);
    expect(network.at(3).group.status()).to.include({ commit: 5, firstIndex: 6 });
  });

  // https://github.com/hashicorp/raft/issues/212
  it("hashicorp#212: snapshots that fail again and again leave nothing behind, and the one that works ends it", () => {
    const network = withOneBehind();
    for (let times = 0; times < 20; times++) {
      expect(nextSnapshot(network), String(times)).not.to.equal(undefined);
      network.at(1).group.reportSnapshot(3, false);
    }
    const sent = nextSnapshot(network);
    if (sent === undefined) throw new Error("no snapshot was sent");
    network.settle([sent]);
    network.at(1).group.reportSnapshot(3, true);
    network.tick(1, 2);
    expect(progressOf3(network)).to.include({ state: "replicate", match: 5 });
    expect(nextSnapshot(network)).to.equal(undefined);
  });

  // https://github.com/databendlabs/openraft/issues/559 https://github.com/camunda/camunda/issues/4451
  it("openraft#559: nothing of the log before an installed snapshot is ever sent, voted for or acknowledged", () => {
    const follower = new TestReplica(1, newStore(confOf([1, 2, 3])), { preVote: false });
    const from2 = { from: 2, to: 1, term: 2 };
    const old = [entry(1, 2), entry(1, 3), entry(1, 4), entry(1, 5), entry(1, 6), entry(1, 7)];
    follower.hear(append({ ...from2, term: 1 }, { index: 1, term: 1 }, old));
    const meta = { index: 4, term: 2, confState: confOf([1, 2, 3]) };
    follower.isStalled = true;
    follower.hear({ kind: "snapshot", ...from2, snapshot: { meta, data: bytes("state") } });
    // Not durable yet, and already the end of the log: what conflicts with it is no longer there.
    expect(follower.group.status()).to.include({ firstIndex: 5, lastIndex: 4, commit: 4 });
    for (const { index } of old) {
      expect(follower.group.findTerm(index), String(index)).to.equal(index === 4 ? 2 : undefined);
    }
    follower.isStalled = false;
    follower.flush();
    expect(follower.store.lastIndex()).to.equal(4);
    follower.group.campaign();
    const [request] = follower.flush();
    expect(request).to.include({ kind: "vote", lastIndex: 4, lastTerm: 2 });
  });

  // https://github.com/etcd-io/etcd/issues/10308 https://github.com/etcd-io/raft/pull/110
  it("etcd#10308: a follower that acknowledges where the log goes on is no longer waited for", () => {
    for (const index of [5, 6]) {
      const network = withOneBehind(["a", "b", "c", "d"]);
      expect(nextSnapshot(network)?.snapshot.meta.index).to.equal(6);
      // It got there by other means than this snapshot, of which nobody reports anything.
      const accepted = { reject: false, hintIndex: 0, hintTerm: 0 };
      network.at(1).hear({ kind: "append-response", from: 3, to: 1, term: 2, index, ...accepted });
      expect(progressOf3(network), String(index)).to.include({ state: "replicate", match: index });
    }
  });
});
