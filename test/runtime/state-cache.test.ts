import { expect } from "chai";
import { StateCache } from "../../src/runtime/state-cache.js";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const RANGE = { start: "a", end: "z", limit: 10 };

describe("the state in memory", () => {
  let cache: StateCache;

  beforeEach(() => {
    cache = new StateCache();
  });

  it("gives the rows of a range in the order of their keys, however they were written", () => {
    const writes = ["c", "a", "b"].map((key) => ({ key, value: bytes(key) }));
    cache.write(writes, 1);
    const stored = [{ key: "bb", value: bytes("stored") }];
    const keys = cache.merge(RANGE, stored).map(({ key }) => key);
    expect(keys).to.deep.equal(["a", "b", "bb", "c"]);
    const back = cache.merge({ ...RANGE, reverse: true }, stored).map(({ key }) => key);
    expect(back).to.deep.equal(["c", "bb", "b", "a"]);
  });

  it("keeps a row that was written until no read from before is in use", () => {
    const pin = cache.pin();
    cache.write([{ key: "k", value: bytes("new") }], 1);
    cache.written(1, ["k"]);
    // What that read brought from the disk.
    cache.fill("k", bytes("old"));
    expect(cache.get("k")).to.deep.equal(bytes("new"));
    expect(cache.merge(RANGE, [{ key: "k", value: bytes("old") }])).to.deep.equal([
      { key: "k", value: bytes("new") },
    ]);
    cache.unpin(pin);
    expect(cache.merge(RANGE, [])).to.deep.equal([]);
  });

  it("does not keep what was written for a read that began later", () => {
    const early = cache.pin();
    cache.write([{ key: "k", value: bytes("v") }], 1);
    cache.written(1, ["k"]);
    cache.pin();
    cache.unpin(early);
    expect(cache.merge(RANGE, [])).to.deep.equal([]);
    expect(cache.get("k")).to.deep.equal(bytes("v"));
  });

  it("keeps a row that was written again until its last round is on the disk", () => {
    cache.write([{ key: "k", value: bytes("first") }], 1);
    cache.write([{ key: "k", value: undefined }], 2);
    cache.written(1, ["k"]);
    expect(cache.merge(RANGE, [{ key: "k", value: bytes("first") }])).to.deep.equal([]);
  });
});
