import { expect } from "chai";
import type { Identity } from "../../src/base/index.js";
import { requireIdentity } from "../../src/main/require-identity.js";

const WANTED: Identity = { cluster: "east", role: "coordinator", name: "coordinator-1" };

describe("a process of a cluster", () => {
  it("starts with its own certificate", () => {
    requireIdentity("URI:cabildo://east/coordinator/coordinator-1, DNS:localhost", WANTED);
  });

  for (const [whose, names] of [
    ["another role", "URI:cabildo://east/node/coordinator-1"],
    ["another name", "URI:cabildo://east/coordinator/coordinator-2"],
    ["another cluster", "URI:cabildo://west/coordinator/coordinator-1"],
    ["the doors", "URI:cabildo://east/server/server, DNS:localhost"],
    ["somebody else", "DNS:localhost"],
  ] as const) {
    it(`does not start with that of ${whose}`, () => {
      expect(() => requireIdentity(names, WANTED)).throws(
        /not of coordinator coordinator-1 of east/u,
      );
    });
  }
});
