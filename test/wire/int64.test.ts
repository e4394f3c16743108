import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import { toInt64, toSafeInteger, toUint64 } from "../../src/wire/index.js";

describe("64-bit numbers", () => {
  const LAST = BigInt(Number.MAX_SAFE_INTEGER);

  it("are exact up to 2^53 - 1, either side of 0", () => {
    for (const value of [0n, 1n, LAST, -LAST])
      expect(toInt64(toSafeInteger(value))).to.equal(value);
  });

  it("beyond that are refused, never rounded", () => {
    for (const value of [LAST + 1n, -LAST - 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(() => toSafeInteger(value)).to.throw(ClusterError);
      expect(() => toInt64(Number(value))).to.throw(ClusterError);
    }
    for (const value of [0.5, NaN, -1]) expect(() => toUint64(value)).to.throw(ClusterError);
  });
});
