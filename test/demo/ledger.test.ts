import { expect } from "chai";
import { Ledger } from "../../demo/src/ledger.js";

describe("the counters of the page that shows a cluster", () => {
  const counted = ({ acknowledged, seen, lost, duplicated }: Ledger) => ({
    acknowledged,
    seen,
    lost,
    duplicated,
  });

  it("count what is acknowledged and seen, whichever comes first", () => {
    const ledger = new Ledger();
    ledger.acknowledge("a", "p1");
    ledger.hear("a", "p1");
    ledger.hear("a", "p2");
    ledger.acknowledge("a", "p2");
    expect(counted(ledger)).to.deep.equal({ acknowledged: 2, seen: 2, lost: 0, duplicated: 0 });
  });

  it("call lost what is not seen though a later write of the same lane is", () => {
    const ledger = new Ledger();
    ledger.acknowledge("a", "p1");
    ledger.acknowledge("b", "q1");
    ledger.acknowledge("a", "p2");
    expect(ledger.lost).to.equal(0);
    ledger.hear("a", "p2");
    expect(ledger.lost).to.equal(1);
  });

  it("call duplicated what is seen again", () => {
    const ledger = new Ledger();
    ledger.hear("a", "p1");
    ledger.hear("b", "p1");
    ledger.hear("a", "p1");
    expect(ledger).to.include({ seen: 2, duplicated: 1 });
  });
});
