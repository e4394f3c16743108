import { PassThrough } from "node:stream";
import { expect } from "chai";
import { Progress } from "../../src/main/progress.js";

/** What a stream that is no terminal is given. */
function plain(): { readonly stream: NodeJS.WriteStream; readonly lines: () => string[] } {
  let text = "";
  const stream = new PassThrough();
  stream.on("data", (part: Buffer) => (text += part.toString()));
  return {
    stream: Object.assign(stream, { isTTY: false }) as unknown as NodeJS.WriteStream,
    lines: () =>
      text
        .split("\n")
        .slice(0, -1)
        .map((line) => line.replace(/ +/u, " ")),
  };
}

describe("progress that no terminal shows", () => {
  it("says every step when it begins, and what was reached at the end", () => {
    const { stream, lines } = plain();
    const progress = new Progress(stream);
    progress.step("groups", "copies from node-1");
    progress.step("users", "copies from node-2");
    progress.amount("groups", "1 MB");
    progress.amount("groups", "2 MB");
    expect(lines()).to.deep.equal(["groups copies from node-1", "users copies from node-2"]);
    progress.end();
    expect(lines().slice(2)).to.deep.equal(["groups 2 MB"]);
  });

  it("does not say an amount that a step has overtaken", () => {
    const { stream, lines } = plain();
    const progress = new Progress(stream);
    progress.step("node-1", "restarts");
    progress.amount("node-1", "waits");
    progress.step("node-1", "is back");
    progress.end();
    expect(lines()).to.deep.equal(["node-1 restarts", "node-1 is back"]);
  });

  it("draws how much of the whole is done, where one knows how much that is", () => {
    const { stream, lines } = plain();
    const progress = new Progress(stream);
    progress.amount("node-1", "users", 0);
    progress.amount("node-2", "users", 0.5);
    progress.amount("node-3", "users", 1);
    progress.amount("node-4", "users", 1.5);
    expect(lines()).to.deep.equal([
      "node-1 [------------------------]   0 % users",
      "node-2 [############------------]  50 % users",
      "node-3 [########################] 100 % users",
      "node-4 [########################] 100 % users",
    ]);
  });
});
