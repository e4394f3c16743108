import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { StatusResponseSchema, type StatusResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError } from "../../src/base/index.js";
import { Standing } from "../../src/node/standing.js";
import { FakeShard } from "../support/fake-shard.js";

const NODES = ["node-1", "node-2", "node-3"];

/** Of node-1, which hosts one shard with the two others; what the rest say is up to the test. */
class Fixture {
  readonly removed = new Set<string>();
  readonly elsewhere = new Set<string>();
  readonly answers = new Map<string, StatusResponse>();
  readonly asked: string[] = [];
  readonly standing: Standing;

  constructor() {
    const calls = {
      learn: () => undefined,
      transferLeader: () => Promise.reject(new Error("not asked for")),
      addLearner: () => Promise.reject(new Error("not asked for")),
      close: () => undefined,
      status: async (node: string) => {
        this.asked.push(node);
        const answer = this.answers.get(node);
        if (answer === undefined) throw new ClusterError("unreachable", "silent");
        return answer;
      },
    };
    const replicas = [new FakeShard(1, NODES).replicaOf("node-1")];
    const known = [...NODES, "other-1", "other-2", "other-3"].map((name) => ({
      ...{ name, address: `${name}:1`, replicas: [] },
    }));
    this.standing = new Standing(
      { nodeName: "node-1", replicas, removed: this.removed, calls },
      this.elsewhere,
      () => known,
    );
  }

  says(node: string, members: readonly string[]): void {
    const replicas = [{ shard: 2, members: members.map((member) => ({ node: member })) }];
    this.answers.set(node, create(StatusResponseSchema, { replicas }));
  }

  refuseRemoved(node: string): Promise<string> {
    return codeOf(this.standing.refuseRemoved(node));
  }
}

const codeOf = (checked: Promise<void>): Promise<string> =>
  checked.then(
    () => "passed",
    (error: unknown) => (error instanceof ClusterError ? error.code : String(error)),
  );

describe("whether a node was taken out", () => {
  let fixture: Fixture;

  beforeEach(() => {
    fixture = new Fixture();
  });

  it("is known without asking of members, and of those whom no shard here ever had", async () => {
    fixture.removed.add("node-3");
    expect(await fixture.refuseRemoved("node-3")).to.equal("passed");
    expect(await fixture.refuseRemoved("node-9")).to.equal("passed");
    expect(fixture.asked).to.deep.equal([]);
    expect(fixture.standing.isRemovedHere("node-3")).to.equal(false);
  });

  it("is said by others where it may be in a shard of theirs", async () => {
    fixture.removed.add("other-4");
    fixture.removed.add("node-8");
    fixture.says("other-1", ["other-1", "other-4"]);
    expect(await fixture.refuseRemoved("other-4")).to.equal("passed");
    expect(await fixture.refuseRemoved("node-8")).to.equal("permission-denied");
    expect(fixture.standing.isRemovedHere("node-8")).to.equal(true);
  });

  it("is known of shards that this node does not host, as soon as it was said", async () => {
    expect(await fixture.refuseRemoved("node-8")).to.equal("passed");
    expect(fixture.standing.knowsRemoved).to.equal(false);
    fixture.elsewhere.add("node-8");
    expect(fixture.standing.knowsRemoved).to.equal(true);
    expect(await fixture.refuseRemoved("node-8")).to.equal("permission-denied");
    fixture.elsewhere.add("node-2");
    expect(await fixture.refuseRemoved("node-2")).to.equal("passed");
  });

  it("is not said by another one that was taken out", async () => {
    fixture.removed.add("other-4");
    fixture.says("other-1", ["other-1", "other-4"]);
    fixture.says("other-2", ["other-2", "other-3"]);
    fixture.says("other-3", ["other-2", "other-3"]);
    expect(await fixture.refuseRemoved("other-4")).to.equal("permission-denied");
  });

  it("is not said by itself, nor doubted where nobody answers", async () => {
    fixture.removed.add("other-2");
    fixture.says("other-2", ["other-2"]);
    expect(await fixture.refuseRemoved("other-2")).to.equal("permission-denied");
    expect(fixture.asked).to.not.include("other-2");
  });
});
