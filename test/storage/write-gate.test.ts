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
    expect(gate.beginWrite()).to.equal(undefined);
    gate.view(() => opened.push(1));
    gate.view(() => opened.push(2));
    expect(opened).to.deep.equal([]);
    gate.endWrite();
    expect(opened).to.deep.equal([1, 2]);
  });

  it("holds a round back until every pin is gone, and views behind the round", async () => {
    const gate = new WriteGate();
    gate.pin();
    gate.pin();
    let started = false;
    const writing = gate.beginWrite()?.then(() => (started = true));
    let opened = false;
    gate.view(() => (opened = true));
    gate.unpin();
    await Promise.resolve();
    expect(started).to.equal(false);
    gate.unpin();
    await writing;
    expect(opened).to.equal(false);
    gate.endWrite();
    expect(opened).to.equal(true);
  });

  it("refuses two rounds at a time", () => {
    const gate = new WriteGate();
    void gate.beginWrite();
    expect(() => gate.beginWrite()).to.throw(/one round at a time/);
  });
});
