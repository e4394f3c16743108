import { expect } from "chai";
import { READS_IN_FLIGHT_MAX, ReadSlots } from "../../src/storage/read-slots.js";

describe("the slots of reads", () => {
  const started: string[] = [];
  const releases: (() => void)[] = [];
  let slots: ReadSlots;

  beforeEach(() => {
    started.length = 0;
    releases.length = 0;
    slots = new ReadSlots();
  });

  const ask = (replica: number, name: string) => {
    slots.run(replica, (release) => {
      started.push(name);
      releases.push(release);
    });
  };
  const fill = () => {
    for (let at = 0; at < READS_IN_FLIGHT_MAX; at++) ask(1, "first");
  };
  const drain = () => {
    for (let release = releases.shift(); release; release = releases.shift()) release();
  };

  it("are bounded", () => {
    fill();
    ask(1, "waits");
    expect(started).to.have.length(READS_IN_FLIGHT_MAX);
    releases.shift()?.();
    expect(started.at(-1)).to.equal("waits");
  });

  it("go to the waiting replicas in turn, to each in its own order", () => {
    fill();
    for (const name of ["a1", "a2", "a3"]) ask(1, name);
    for (const name of ["b1", "b2"]) ask(2, name);
    ask(3, "c1");
    drain();
    const rest = started.slice(READS_IN_FLIGHT_MAX);
    expect(rest).to.deep.equal(["a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  it("are all free again at the end", () => {
    fill();
    ask(1, "waits");
    drain();
    started.length = 0;
    fill();
    expect(started).to.have.length(READS_IN_FLIGHT_MAX);
  });
});
