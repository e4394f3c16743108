import { expect } from "chai";
import { WriteGate } from "../../src/storage/write-gate.js";

describe("the gate between reads and rounds", () => {
  it("opens a view at once while nothing is written", () => {
    let opened = false;
    new WriteGate().view(() => (opened = true));
    expect(opened).to.equal(true);
  });

  it("opens views right after the round that is under way", () => {
    const gate = new WriteGate();
    const opened: number[] = [];
    gate.beginWrite();
    gate.view(() => opened.push(1));
    gate.view(() => opened.push(2));
    expect(opened).to.deep.equal([]);
    gate.endWrite();
    expect(opened).to.deep.equal([1, 2]);
  });

  it("refuses two rounds at a time", () => {
    const gate = new WriteGate();
    gate.beginWrite();
    expect(() => gate.beginWrite()).to.throw(/one round at a time/);
  });
});
