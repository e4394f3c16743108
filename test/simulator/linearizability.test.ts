import { expect } from "chai";
import { fc } from "../support/properties.js";
import { isLinearizable } from "./linearizability.js";
import type { Model, TimedOperation } from "./linearizability.js";

type Call = { readonly kind: "write"; readonly value: number } | { readonly kind: "read" };
type Operation = TimedOperation<Call, number>;

const REGISTER: Model<number, Call, number> = {
  initial: 0,
  step: (state, call, answer) => {
    if (call.kind === "write") return call.value;
    return answer === state ? state : undefined;
  },
  key: String,
};

const write = (value: number, calledAt: number, answeredAt: number): Operation => ({
  ...{ call: { kind: "write", value }, answer: 0, calledAt, answeredAt },
});
const read = (answer: number, calledAt: number, answeredAt: number): Operation => ({
  ...{ call: { kind: "read" }, answer, calledAt, answeredAt },
});

describe("a history of a register", () => {
  it("may see a write as soon as it was asked for", () => {
    expect(isLinearizable(REGISTER, [write(1, 0, 10), read(1, 2, 3), read(1, 4, 5)])).equals(true);
    expect(isLinearizable(REGISTER, [write(1, 0, 10), read(0, 2, 3), read(1, 4, 5)])).equals(true);
  });

  it("may not see it and then not see it", () => {
    expect(isLinearizable(REGISTER, [write(1, 0, 10), read(1, 2, 3), read(0, 4, 5)])).equals(false);
  });

  it("may not miss a write that was answered", () => {
    expect(isLinearizable(REGISTER, [write(1, 0, 1), read(0, 2, 3)])).equals(false);
  });

  it("may see a write of which nobody heard, at any time after", () => {
    const late = [write(1, 0, Infinity), read(0, 5, 6), read(1, 7, 8)];
    expect(isLinearizable(REGISTER, late)).equals(true);
  });

  it("is judged as trying every order judges it", () => {
    const operation = fc
      .record({
        isWrite: fc.boolean(),
        value: fc.integer({ min: 0, max: 2 }),
        calledAt: fc.integer({ min: 0, max: 12 }),
        takes: fc.constantFrom(0, 1, 3, 6, Infinity),
      })
      .map(({ isWrite, value, calledAt, takes }) =>
        isWrite
          ? write(value, calledAt, calledAt + takes)
          : read(value, calledAt, calledAt + takes),
      );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
        expect(isLinearizable(REGISTER, operations)).equals(hasOrder(0, operations));
      }),
      { numRuns: 2000 },
    );
  });
});

/** Whether some operation that may come first leads to an order of the others. */
function hasOrder(state: number, left: readonly Operation[]): boolean {
  if (left.length === 0) return true;
  return left.some((first) => {
    if (left.some((other) => other.answeredAt < first.calledAt)) return false;
    const next = REGISTER.step(state, first.call, first.answer);
    return (
      next !== undefined &&
      hasOrder(
        next,
        left.filter((other) => other !== first),
      )
    );
  });
}
