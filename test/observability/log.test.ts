import { spawnSync } from "node:child_process";
import { expect } from "chai";

/** A process of its own, because the log goes to the file descriptor. */
function logged(statements: string): readonly string[] {
  const script = `import { createLog } from "./src/observability/index.js";
    const log = createLog("node-1", "info"); ${statements}`;
  const { stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx/esm", "--input-type=module", "--eval", script],
    { encoding: "utf8" },
  );
  return stderr.split("\n").filter((line) => line.startsWith("{"));
}

describe("the log of a process", () => {
  it("is a line of JSON an event, with the name of the process, its time and no secrets", () => {
    const lines = logged(`
      log.debug("not worth a line");
      log.info("leader elected", { shard: "users", token: "abc", caller: { password: "xyz" } });
      process.kill(process.pid, "SIGKILL");`);
    expect(lines).to.have.length(1);
    const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
    expect(line).to.include({
      level: "info",
      process: "node-1",
      message: "leader elected",
      shard: "users",
      token: "[Redacted]",
    });
    expect(line["caller"]).to.deep.equal({ password: "[Redacted]" });
    expect(Date.parse(String(line["time"]))).to.be.greaterThan(0);
  });
});
