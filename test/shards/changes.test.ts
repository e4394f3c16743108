import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import type { ChangesEvent, ChangesOptions, ShardClient } from "../../src/shards/index.js";
import { createTestAuthority, type TestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import type { FakeReplica, FakeShard } from "../support/fake-shard.js";
import { openNodeCluster, type NodeCluster } from "../support/node-cluster.js";

const GROUPS = 1;
const START = { epoch: 1, sequence: 0 };

/** Reads a feed in the background until its test ends. */
class Reader {
  readonly events: ChangesEvent[] = [];
  failure: unknown;
  ended = false;
  readonly #stop = new AbortController();

  constructor(client: ShardClient, options: Partial<ChangesOptions>) {
    const { signal } = this.#stop;
    void this.#read(client.changes({ shard: GROUPS, after: START, signal, ...options }));
  }

  get sequences(): readonly number[] {
    return this.events.flatMap(({ items }) => items.map(({ sequence }) => sequence));
  }

  get upTo(): number {
    return this.events.at(-1)?.upTo ?? -1;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #read(feed: AsyncIterable<ChangesEvent>): Promise<void> {
    try {
      for await (const event of feed) this.events.push(event);
    } catch (error) {
      this.failure = error;
    }
    this.ended = true;
  }
}

describe("a shard's feed, followed by a client", () => {
  let authority: TestAuthority;
  let cluster: NodeCluster;
  let client: ShardClient;
  let shard: FakeShard;
  let replicas: readonly FakeReplica[];
  const readers: Reader[] = [];
  const switched: string[] = [];

  before(async () => {
    authority = await createTestAuthority();
  });

  beforeEach(async () => {
    switched.length = 0;
    cluster = await openNodeCluster(authority);
    client = await cluster.client({
      role: "fanout",
      random: () => 0,
      observer: { feedSwitched: (_, node) => switched.push(node) },
    });
    const found = cluster.shards.find(({ number }) => number === GROUPS);
    if (found === undefined) throw new Error("no such shard");
    shard = found;
    replicas = cluster.nodes.flatMap((node) =>
      node.replicas.filter((replica) => replica.shard === GROUPS),
    );
  });

  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.stop();
    await cluster.close();
  });

  const read = (options: Partial<ChangesOptions> = {}) => {
    const reader = new Reader(client, options);
    readers.push(reader);
    return reader;
  };

  const append = (count: number, channels: readonly string[] = []) => {
    for (let i = 0; i < count; i++) shard.append(new Uint8Array(10), channels);
  };

  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

  it("gives every change after a position, and goes on with those to come", async () => {
    append(250);
    const reader = read({ after: { epoch: 1, sequence: 3 } });
    await eventually(() => reader.upTo === 250);
    append(5);
    await eventually(() => reader.upTo === 255);
    expect(reader.sequences).to.deep.equal(upTo(255).slice(3));
  });

  it("says at once where the present end is when it starts from now", async () => {
    append(4);
    const reader = read({ after: undefined });
    await eventually(() => reader.events.length > 0);
    expect(reader.events[0]).to.deep.equal({ items: [], upTo: 4, firstSequence: 1, epoch: 1 });
    append(1);
    await eventually(() => reader.upTo === 5);
    expect(reader.sequences).to.deep.equal([5]);
  });

  it("has no gap and no repetition when its node dies and another takes over", async () => {
    append(100);
    const reader = read();
    await eventually(() => reader.upTo === 100);
    append(50);
    await cluster.node("node-1").kill();
    append(50);
    await eventually(() => reader.upTo === 200);
    expect(reader.sequences).to.deep.equal(upTo(200));
    expect(switched).to.include("node-1");
  });

  it("leaves a replica that has not heard of a leader for long", async () => {
    const [first] = replicas;
    if (first === undefined) throw new Error("three replicas were opened");
    first.leaderAgeMs = 2500;
    append(10);
    const reader = read();
    await eventually(() => reader.upTo === 10);
    append(1);
    await eventually(() => reader.upTo === 11);
    await eventually(() => switched.length > 0);
    expect(switched).to.deep.equal(["node-1"]);
    expect(reader.sequences).to.deep.equal(upTo(11));
  });

  it("leaves a replica that falls silent", async () => {
    const [first] = replicas;
    if (first === undefined) throw new Error("three replicas were opened");
    first.changes = async function* () {
      yield await new Promise<never>(() => undefined);
    };
    append(10);
    const reader = read();
    await eventually(() => reader.upTo === 10);
    expect(switched).to.deep.equal(["node-1"]);
  });

  it("gives only the changes on its channels, and says how far it looked", async () => {
    append(3, ["groups/choir"]);
    append(7, ["groups/band"]);
    const reader = read({ channels: ["groups/choir"] });
    await eventually(() => reader.upTo === 10);
    expect(reader.sequences).to.deep.equal([1, 2, 3]);
  });

  it("ends where it was asked to", async () => {
    append(20);
    const reader = read({ until: 12 });
    await eventually(() => reader.ended);
    expect(reader.sequences).to.deep.equal(upTo(12));
    expect(reader.upTo).to.equal(12);
    expect(reader.failure).to.equal(undefined);
  });

  it("fails where the next change is no longer kept", async () => {
    append(20);
    shard.firstSequence = 11;
    const reader = read();
    await eventually(() => reader.ended);
    expect(reader.failure).to.be.instanceOf(ClusterError).with.property("code", "position-gone");
  });

  it("fails with a position of another epoch", async () => {
    shard.epoch = 2;
    const reader = read();
    await eventually(() => reader.ended);
    expect(reader.failure).to.be.instanceOf(ClusterError).with.property("code", "epoch-changed");
  });

  it("refuses a replica's feed that jumps, and asks another", async () => {
    const [first] = replicas;
    if (first === undefined) throw new Error("three replicas were opened");
    append(10);
    const honest = first.changes.bind(first);
    first.changes = async function* (options) {
      for await (const batch of honest(options)) {
        yield { ...batch, rows: batch.rows.filter(({ sequence }) => sequence !== 5) };
      }
    };
    const reader = read();
    await eventually(() => reader.upTo === 10);
    expect(reader.sequences).to.deep.equal(upTo(10));
    expect(switched).to.deep.equal(["node-1"]);
  });

  it("does not make a node read ahead of a slow reader", async () => {
    const [first] = replicas;
    if (first === undefined) throw new Error("three replicas were opened");
    first.batchRows = 1;
    for (let i = 0; i < 400; i++) shard.append(new Uint8Array(30_000));
    const stop = new AbortController();
    const feed = client.changes({ shard: GROUPS, after: START, signal: stop.signal });
    const iterator = feed[Symbol.asyncIterator]();
    await iterator.next();
    let given = -1;
    await eventually(() => {
      const still = first.batchesGiven === given && given > 0;
      given = first.batchesGiven;
      return still;
    });
    expect(given).to.be.lessThan(200);
    const sequences: number[] = [];
    while (sequences.length < 400) {
      const next = await iterator.next();
      if (next.done === true) break;
      sequences.push(...next.value.items.map(({ sequence }) => sequence));
    }
    expect(sequences).to.deep.equal(upTo(400));
    stop.abort();
    await iterator.next();
  });

  it("stops asking when its reader stops", async () => {
    append(3);
    const reader = read();
    await eventually(() => reader.upTo === 3);
    reader.stop();
    await eventually(() => reader.ended);
    await eventually(() => replicas.every(({ feeds, feedsEnded }) => feeds === feedsEnded));
    expect(reader.failure).to.equal(undefined);
  });
});
