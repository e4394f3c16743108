import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { StatusResponseSchema, type StatusResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError } from "../../src/base/index.js";
import { Elsewhere } from "../../src/node/elsewhere.js";
import { eventually } from "../support/eventually.js";
import { FakeShard } from "../support/fake-shard.js";
import { ManualClock } from "../support/manual-clock.js";
import { RANGE_MAP } from "../support/node-cluster.js";

const GROUPS = 1;
const USERS = 2;
const LOOK_MS = 3000;

describe("a node that hosts some of the shards", () => {
  let clock: ManualClock;
  let elsewhere: Elsewhere;
  const answers = new Map<string, StatusResponse>();
  const asked: string[] = [];
  const told: string[][] = [];

  beforeEach(() => {
    clock = new ManualClock();
    answers.clear();
    asked.length = 0;
    told.length = 0;
    const nodes = [
      ...["groups-1", "groups-2"].map((name) => ({ name, shard: GROUPS })),
      ...["users-1", "users-2"].map((name) => ({ name, shard: USERS })),
    ].map(({ name, shard }) => ({
      ...{ name, address: `${name}:1`, replicas: [{ shard, replica: 1 }] },
    }));
    const options: ConstructorParameters<typeof Elsewhere>[0] = {
      ...{ nodeName: "groups-1", rangeMap: RANGE_MAP, nodes },
      replicas: [new FakeShard(GROUPS, ["groups-1", "groups-2"]).replicaOf("groups-1")],
      after: (delayMs, run) => clock.after(delayMs, run),
      calls: {
        status: async (node) => {
          asked.push(node);
          const answer = answers.get(node);
          if (answer === undefined) throw new ClusterError("unreachable", "silent");
          return answer;
        },
        learn: () => undefined,
        transferLeader: () => Promise.reject(new Error("not asked for")),
        addLearner: () => Promise.reject(new Error("not asked for")),
        close: () => undefined,
      },
      shards: { learn: (heard) => told.push(heard.map(({ node }) => node)) },
    };
    elsewhere = new Elsewhere(options, () => create(StatusResponseSchema, { node: "groups-1" }));
  });
  afterEach(() => elsewhere.close());

  const says = (node: string, members: readonly string[], removed: readonly string[]): void => {
    const replicas = [{ shard: USERS, members: members.map((member) => ({ node: member })) }];
    const nodes = members.map((name) => ({ name, address: `${name}:1` }));
    answers.set(
      node,
      create(StatusResponseSchema, { node, replicas, nodes, removed: [...removed] }),
    );
  };
  const look = async (): Promise<readonly string[]> => {
    asked.length = 0;
    await eventually(async () => {
      await clock.turn(LOOK_MS);
      return asked.length > 0;
    });
    // What was answered is taken in before the next look.
    await new Promise((resolve) => setImmediate(resolve));
    return [...asked].sort();
  };

  it("hears from those of the others whom they took out", async () => {
    expect(await look()).to.deep.equal(["users-1", "users-2"]);
    expect([...elsewhere.removed]).to.deep.equal([]);
    says("users-2", ["users-2", "users-3"], ["users-1"]);
    await look();
    expect([...elsewhere.removed]).to.deep.equal(["users-1"]);
  });

  it("asks those that took the places of others, and knows where they are", async () => {
    says("users-2", ["users-2", "users-3"], ["users-1"]);
    await look();
    expect(await look()).to.deep.equal(["users-2", "users-3"]);
    expect(elsewhere.found.map(({ name, address }) => [name, address])).to.deep.equal([
      ["users-3", "users-3:1"],
    ]);
  });

  it("finds a shard whose first members are all gone, once any other node knows of one", async () => {
    const nodes = [{ name: "users-3", address: "users-3:1" }];
    answers.set("users-2", create(StatusResponseSchema, { node: "users-2", nodes }));
    await look();
    answers.clear();
    says("users-3", ["users-3", "users-4"], ["users-1", "users-2"]);
    expect(await look()).to.include("users-3");
    expect(await look()).to.deep.equal(["users-3", "users-4"]);
  });

  it("tells whoever calls shards from here, with what it knows of its own", async () => {
    says("users-2", ["users-2", "users-3"], ["users-1"]);
    await look();
    expect(told.at(-1)).to.deep.equal(["users-2", "groups-1"]);
  });

  it("forgets who was taken out again", async () => {
    says("users-2", ["users-2", "users-3"], ["users-1"]);
    await look();
    says("users-2", ["users-2", "users-4"], ["users-1", "users-3"]);
    await look();
    expect(elsewhere.found.map(({ name }) => name)).to.deep.equal(["users-4"]);
  });
});
