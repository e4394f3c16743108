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
    const known = [...NODES, "other-1", "other-2"].map((name) => ({
      ...{ name, address: `${name}:1`, replicas: [] },
    }));
    this.standing = new Standing(
      { nodeName: "node-1", replicas, removed: this.removed, calls },
      () => known,
    );
  }

  says(node: string, members: readonly string[], removed: readonly string[] = []): void {
    const replicas = [{ shard: 2, members: members.map((member) => ({ node: member })) }];
    this.answers.set(node, create(StatusResponseSchema, { replicas, removed: [...removed] }));
  }

  require(node: string): Promise<string> {
    return codeOf(this.standing.requireMember(node));
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

describe("whether a node is a member", () => {
  let fixture: Fixture;

  beforeEach(() => {
    fixture = new Fixture();
  });

  it("is known of the shards that are hosted here, without asking", async () => {
    expect(await fixture.require("node-3")).to.equal("passed");
    expect(fixture.asked).to.deep.equal([]);
  });

  it("is said of other shards by those who host them", async () => {
    fixture.says("other-1", ["other-1", "other-4"]);
    expect(await fixture.require("other-4")).to.equal("passed");
    expect(await fixture.require("other-5")).to.equal("permission-denied");
  });

  it("is not said by itself", async () => {
    fixture.says("other-1", ["other-1"]);
    fixture.says("other-2", ["other-2"]);
    expect(await fixture.require("other-2")).to.equal("permission-denied");
    expect(fixture.asked).to.not.include("other-2");
  });

  it("is unknown where nobody answers, and so asked again later", async () => {
    expect(await fixture.require("other-4")).to.equal("unreachable");
    fixture.removed.add("other-4");
    expect(await fixture.require("other-4")).to.equal("permission-denied");
  });

  it("does not matter to who was never a member, and only asks to join", async () => {
    fixture.says("other-1", ["other-1"]);
    expect(await fixture.refuseRemoved("node-9")).to.equal("passed");
  });

  it("decides over who was taken out, here or elsewhere", async () => {
    fixture.removed.add("node-8");
    fixture.removed.add("other-4");
    fixture.says("other-1", ["other-1", "other-4"], ["node-9"]);
    expect(await fixture.refuseRemoved("node-8")).to.equal("permission-denied");
    expect(await fixture.refuseRemoved("node-9")).to.equal("permission-denied");
    // Of one shard, and in another one still.
    expect(await fixture.refuseRemoved("other-4")).to.equal("passed");
    expect(fixture.standing.isRemovedHere("node-8")).to.equal(true);
    expect(fixture.standing.isRemovedHere("node-2")).to.equal(false);
  });
});
