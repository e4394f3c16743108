import { expect } from "chai";
import { leastOf } from "../../src/gateway/positions.js";
import type { ShardPosition } from "../../src/shards/index.js";

/** Of shards 1 and 3: `1:0:5` is sequence 5 of epoch 0. */
const positions = {
  encode: () => "",
  decode: (text: string): readonly ShardPosition[] =>
    text.split("+").map((place) => {
      const [shard = NaN, epoch = NaN, sequence = NaN] = place.split(":").map(Number);
      if (Number.isNaN(sequence)) throw new Error("foreign");
      return { shard, epoch, sequence };
    }),
};

const least = (text: string): readonly ShardPosition[] => leastOf(positions, text);

describe("what a read must not be older than", () => {
  it("is nothing where no position was given", () => {
    expect(least("")).to.deep.equal([]);
  });

  it("is the newest place of each shard that any of the positions names", () => {
    const expected = [
      { shard: 1, epoch: 0, sequence: 9 },
      { shard: 3, epoch: 0, sequence: 2 },
    ];
    expect(least("1:0:5,1:0:9,1:0:7+3:0:2")).to.deep.equal(expected);
    expect(least("1:0:9+3:0:2,1:0:5")).to.deep.equal(expected);
  });

  it("is refused with the older epoch where there are two", () => {
    const expected = [{ shard: 1, epoch: 1, sequence: 900 }];
    expect(least("1:1:900,1:2:5")).to.deep.equal(expected);
    expect(least("1:2:5,1:1:900")).to.deep.equal(expected);
  });

  it("is a fault where one of them is of another cluster", () => {
    expect(() => least("1:0:5,nonsense")).to.throw("not a position of this cluster");
  });
});
