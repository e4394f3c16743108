import { expect } from "chai";
import { Command } from "commander";
import { DEFAULT_LIMITS } from "../../src/fanout/index.js";
import {
  LIMIT_WORDS,
  limitsOf,
  withFanoutOptions,
} from "../../src/main/commands/fanout-options.js";

describe("the flags of a fan-out", () => {
  it("say the default of every limit", () => {
    const said = Object.entries(LIMIT_WORDS).map(([name, words]) => [
      name,
      Number(/\((\d+)\)$/u.exec(words)?.[1]),
    ]);
    expect(Object.fromEntries(said)).to.deep.equal(DEFAULT_LIMITS);
  });

  it("change the limits that they name", () => {
    const command = withFanoutOptions(new Command());
    command.parse(["--channels-max", "7", "--transport", "ws"], { from: "user" });
    expect(limitsOf(command.opts())).to.deep.equal({ channelsMax: 7 });
    expect(command.opts()).to.include({ transport: "ws" });
  });
});
