import { expect } from "chai";
import { findSuite, judgeEdge } from "./suite.js";

describe("the edge", function () {
  this.timeout(300_000);

  it("passes the conformance suite of Connect but for what is listed", async function () {
    const suite = await findSuite();
    if (suite === undefined) {
      console.warn("connectconformance is not installed: the edge is not judged by others");
      this.skip();
    }
    const { ok, text } = await judgeEdge(suite, "on");
    expect(ok, text).to.equal(true);
  });
});
