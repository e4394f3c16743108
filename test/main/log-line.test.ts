import { expect } from "chai";
import pc from "picocolors";
import { formatLogLine } from "../../src/main/supervisor/log-line.js";

const plain = pc.createColors(false);

describe("a log line for people", () => {
  it("is time, process, level, sentence and facts", () => {
    const line = JSON.stringify({
      level: "info",
      time: "2026-12-01T10:00:01.500Z",
      process: "node-1",
      message: "leader elected",
      shard: "users",
      term: 3,
    });
    expect(formatLogLine("node-1", line, plain)).to.equal(
      "10:00:01 node-1        info  leader elected shard=users term=3",
    );
  });

  it("is what the process wrote where that was no log", () => {
    expect(formatLogLine("node-1", "{ boom", plain)).to.equal("node-1        { boom");
  });
});
