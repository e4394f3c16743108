import { expect } from "chai";
import { fuzz } from "./fuzz.js";
import { SURFACES } from "./surfaces.js";
import type { Target } from "./target.js";

const BRIEFLY = { seed: 1, seconds: 60, executions: 40 };

describe("whatever is sent to a border of the system", () => {
  for (const [surface, open] of Object.entries(SURFACES)) {
    it(`is answered without a fault of its own by ${surface}`, async function () {
      this.timeout(90_000);
      const { executions, faults } = await fuzz(open, BRIEFLY);
      expect(faults).to.deep.equal([]);
      expect(executions).to.equal(BRIEFLY.executions);
    });
  }
});

describe("a fuzzer", () => {
  const against = (run: () => Promise<string>, faults: readonly string[] = []) =>
    fuzz(async () => Promise.resolve(target(run, faults)), { seed: 1, seconds: 5, executions: 1 });

  it("notices an answer that says that the fault is ours", async () => {
    expect((await against(() => Promise.resolve("internal"))).faults).to.deep.equal([
      "case 1: internal",
    ]);
  });

  it("notices what the other side logged as its own error", async () => {
    const { faults } = await against(() => Promise.resolve("ok"), ["it broke"]);
    expect(faults).to.deep.equal(["case 1: it broke"]);
  });

  it("notices a new property of every object", async () => {
    try {
      const { faults } = await against(() => {
        Reflect.set(Object.prototype, "polluted", 1);
        return Promise.resolve("ok");
      });
      expect(faults).to.deep.equal(["case 1: Object.prototype has changed"]);
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
  });

  it("notices a process that would have ended itself", async () => {
    const { faults } = await against(() => process.exit(3));
    expect(faults[0]).to.contain("ended");
  });

  it("sends the same again for the same seed", async () => {
    const sent = async () => {
      const numbers: number[] = [];
      const open = () =>
        Promise.resolve({
          ...target(() => Promise.resolve("ok"), []),
          run: (random: { next(): number }) => Promise.resolve(String(numbers.push(random.next()))),
        });
      await fuzz(open, { seed: 7, seconds: 5, executions: 5 });
      return numbers;
    };
    expect(await sent()).to.deep.equal(await sent());
  });
});

const target = (run: () => Promise<string>, faults: readonly string[]): Target => ({
  run,
  faults: () => faults,
  close: () => Promise.resolve(),
});
