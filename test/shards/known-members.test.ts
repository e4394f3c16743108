import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { StatusResponseSchema } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { KnownMembers } from "../../src/shards/index.js";

const SHARD = 1;

describe("who is in a shard, as its nodes say", () => {
  const placed: string[] = [];
  let known: KnownMembers;

  beforeEach(() => {
    placed.length = 0;
    const nodes = ["a", "b", "c", "d"].map((name) => ({ name, address: `${name}:1` }));
    known = new KnownMembers(nodes, {
      met: () => undefined,
      placed: (_, names) => placed.push(names.join()),
    });
  });

  const says = (node: string, applied: number, members: readonly string[]) =>
    create(StatusResponseSchema, {
      node,
      replicas: [
        { shard: SHARD, applied: BigInt(applied), members: members.map((one) => ({ node: one })) },
      ],
    });

  it("is what whoever applied most knows", () => {
    known.learn([says("b", 9, ["a", "b", "c"]), says("c", 10, ["b", "c", "d"])]);
    expect(placed).to.deep.equal(["b,c,d"]);
  });

  it("is not what one says whom the others took out, however much it has applied", () => {
    const others = ["b", "c", "d"].map((name) => says(name, 10, ["b", "c", "d"]));
    known.learn([says("a", 1_000_000, ["a"]), ...others]);
    expect(placed).to.deep.equal(["b,c,d"]);
  });

  it("is what there is to hear where all are alone with what they say", () => {
    known.learn([says("a", 4, ["a", "b", "c"])]);
    known.learn([says("a", 4, ["a", "b", "c"]), says("d", 9, ["b", "c", "d"])]);
    expect(placed).to.deep.equal(["a,b,c", "b,c,d"]);
  });
});
