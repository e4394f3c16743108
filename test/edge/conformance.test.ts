import { expect } from "chai";
import { isSuiteInstalled, judgeEdge } from "./suite.js";

describe("the edge", function () {
  this.timeout(300_000);

  before(async function () {
    if (await isSuiteInstalled()) return;
    console.warn("connectconformance is not installed: the edge is not judged by others");
    this.skip();
  });

  for (const shortWay of ["on", "off"]) {
    it(`passes the conformance suite of Connect but for what is listed, with the short way ${shortWay}`, async () => {
      const { ok, text } = await judgeEdge(shortWay);
      expect(ok, text).to.equal(true);
    });
  }
});
