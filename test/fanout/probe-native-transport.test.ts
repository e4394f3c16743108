import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { probeNativeTransport } from "../../src/fanout/index.js";

describe("the look for a native transport", () => {
  it("says why there is none as the package does", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "probe-test-"));
    const library = path.join(directory, "library.cjs");
    writeFileSync(
      library,
      'console.warn("not compatible:\\n\\n" + new Error("cannot map it")); exports.SSLApp = () => {};',
    );
    const { native, reason } = await probeNativeTransport(library);
    rmSync(directory, { recursive: true });
    expect(native).to.equal(false);
    expect(reason).to.match(/on this system: Error: cannot map it$/u);
  });
});
