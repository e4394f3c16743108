import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { expect } from "chai";
import { findScenarioFiles } from "./files.js";
import { runScenario } from "./scenario.js";

const SCENARIOS = resolve("test", "scenarios");

describe("the scenarios", () => {
  it("print what they always did, and break no invariant on the way", async () => {
    const files = await findScenarioFiles(SCENARIOS);
    expect(files).to.have.length.above(15);
    for (const file of files) {
      const outcome = runScenario(await readFile(file, "utf8"), "interaction", "strict");
      expect(outcome.kind, `${basename(file)}: ${JSON.stringify(outcome)}`).to.equal("passed");
    }
  });
});
