import { expect } from "chai";
import { refuseUnsafeStart } from "../../src/main/refuse-unsafe-start.js";

const FLAGS = ["--disallow-code-generation-from-strings", "--disable-proto=throw"];
const GOOD = { env: { NODE_ENV: "production" }, execArgv: FLAGS, inspector: undefined };

describe("a process in production", () => {
  it("starts as it should be started", () => {
    refuseUnsafeStart(GOOD);
    const inOptions = { NODE_ENV: "production", NODE_OPTIONS: FLAGS.join(" ") };
    refuseUnsafeStart({ ...GOOD, env: inOptions, execArgv: [] });
  });

  for (const [what, start] of [
    [
      "that believes every certificate",
      { env: { ...GOOD.env, NODE_TLS_REJECT_UNAUTHORIZED: "0" } },
    ],
    ["that can be inspected", { inspector: "ws://127.0.0.1:9229/x" }],
    ["that makes code out of text", { execArgv: FLAGS.slice(1) }],
    ["whose prototypes a message reaches", { execArgv: FLAGS.slice(0, 1) }],
  ] as const) {
    it(`does not start ${what}`, () => {
      expect(() => refuseUnsafeStart({ ...GOOD, ...start })).throws();
      refuseUnsafeStart({ ...GOOD, ...start, env: {} });
    });
  }
});
