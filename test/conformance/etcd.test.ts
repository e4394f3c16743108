import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { expect } from "chai";
import { findScenarioFiles } from "./files.js";
import { runScenario, scenarioKind } from "./scenario.js";

/** Data of another project, which stands beside this repository where it is there at all. */
const SCENARIOS = resolve("..", "shared", "conformance", "etcd-raft");

describe("the scenario files of etcd's raft", () => {
  it("all pass", async function () {
    if (!existsSync(SCENARIOS)) {
      console.warn(`SKIPPED: no scenario files in ${relative(".", SCENARIOS)}`);
      this.skip();
    }
    const files = await findScenarioFiles(SCENARIOS);
    expect(files).not.to.deep.equal([]);
    for (const file of files) {
      const outcome = runScenario(await readFile(file, "utf8"), scenarioKind(file), "strict");
      expect(outcome.kind, `${relative(SCENARIOS, file)}: ${JSON.stringify(outcome)}`).to.equal(
        "passed",
      );
    }
  });
});
