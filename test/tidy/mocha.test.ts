import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

describe("the test runner", () => {
  it("fails when a test file cannot be loaded, instead of passing over it", () => {
    const dir = mkdtempSync(join(tmpdir(), "mocha-"));
    try {
      const file = join(dir, "broken.test.ts");
      writeFileSync(file, 'throw new Error("this file is broken");\nexport {};\n');
      const mocha = join("node_modules", "mocha", "bin", "mocha.js");
      const { status, stderr } = spawnSync(process.execPath, [mocha, file], { encoding: "utf8" });
      expect(status).to.not.equal(0);
      expect(stderr).to.contain("this file is broken");
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
