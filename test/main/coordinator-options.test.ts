import { expect } from "chai";
import { Command } from "commander";
import { DEFAULT_LIMITS } from "../../src/coordinator/index.js";
import {
  LIMIT_WORDS,
  limitsOf,
  withCoordinatorOptions,
} from "../../src/main/commands/coordinator-options.js";

describe("the flags of a coordinator", () => {
  it("say the default of every limit", () => {
    const said = Object.entries(LIMIT_WORDS).map(([name, words]) => [
      name,
      Number(/\((\d+)\)$/u.exec(words)?.[1]),
    ]);
    expect(Object.fromEntries(said)).to.deep.equal(DEFAULT_LIMITS);
  });

  it("change the limits that they name", () => {
    const command = withCoordinatorOptions(new Command());
    command.parse(["--request-bytes-max", "7", "--ping-ms", "9"], { from: "user" });
    expect(limitsOf(command.opts())).to.deep.equal({ requestBytesMax: 7, pingMs: 9 });
  });
});
