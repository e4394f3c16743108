import { expect } from "chai";
import { colorsOf } from "../../src/main/colors.js";

describe("colors", () => {
  it("are for terminals whose owner did not decline", () => {
    expect(colorsOf({ isTTY: true }, {}).green("x")).to.not.equal("x");
    expect(colorsOf({ isTTY: true }, { NO_COLOR: "1" }).green("x")).to.equal("x");
    expect(colorsOf({ isTTY: true }, { NO_COLOR: "" }).green("x")).to.not.equal("x");
  });

  it("are never written into a pipe, whatever the environment", () => {
    expect(colorsOf({}, { CI: "true", FORCE_COLOR: "1" }).green("x")).to.equal("x");
    expect(colorsOf({ isTTY: false }, { TERM: "xterm" }).green("x")).to.equal("x");
  });
});
