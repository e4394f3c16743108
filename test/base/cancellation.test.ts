import { expect } from "chai";
import { Cancellation, toAbortSignal, type CancelSignal } from "../../src/base/index.js";

describe("cancellation", () => {
  const BOTH: readonly (readonly [
    string,
    () => { signal: CancelSignal; abort: (why: Error) => void },
  ])[] = [
    [
      "ours",
      () => {
        const cancellation = new Cancellation();
        return { signal: cancellation, abort: (why) => cancellation.abort(why) };
      },
    ],
    [
      "the platform's",
      () => {
        const controller = new AbortController();
        return { signal: controller.signal, abort: (why) => controller.abort(why) };
      },
    ],
  ];
  for (const [name, make] of BOTH) {
    it(`tells whoever listens once, and nobody who left or came too late: ${name}`, () => {
      const { signal, abort } = make();
      const heard: string[] = [];
      const leaver = (): void => void heard.push("left");
      signal.addEventListener("abort", () => {
        heard.push(`first, aborted: ${signal.aborted}`);
        signal.removeEventListener("abort", next);
      });
      const next = (): void => void heard.push("taken off by the first");
      signal.addEventListener("abort", leaver);
      signal.addEventListener("abort", next);
      signal.addEventListener("abort", () => heard.push("last"));
      signal.removeEventListener("abort", leaver);
      expect(signal.aborted).to.equal(false);

      const why = new Error("the client left");
      abort(why);
      abort(new Error("again"));
      signal.addEventListener("abort", () => heard.push("too late"));
      expect(heard).to.deep.equal(["first, aborted: true", "last"]);
      expect(signal.reason).to.equal(why);
    });
  }

  it("is given to the platform's own, now or later", () => {
    const why = new Error("the client left");
    const later = new Cancellation();
    const signal = toAbortSignal(later);
    expect(signal.aborted).to.equal(false);
    later.abort(why);
    expect(signal.reason).to.equal(why);
    expect(toAbortSignal(later).reason).to.equal(why);
    expect(toAbortSignal(signal)).to.equal(signal);
  });
});
