import { simulateLives } from "./lives.js";

describe("a simulated cluster with an even seed", function () {
  this.timeout(600_000);

  it("keeps its promises in many lives, which reach what they are for", () => simulateLives(2));
});
