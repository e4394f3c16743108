import { expect } from "chai";
import { decodeMarker, MARKER_BYTES } from "../../src/storage/marker.js";
import type { MarkerRow } from "../../src/storage/marker.js";
import { IDLE_RAISE_MS, MarkerWriter } from "../../src/storage/marker-writer.js";
import type { MarkerMedium } from "../../src/storage/marker-writer.js";

const R = 7;
const STATE = { term: 3, vote: 1, commit: 0 };
const at = (index: number, term = 3) => ({ index, term });

class TestMedium implements MarkerMedium {
  readonly bytes = Buffer.alloc(MARKER_BYTES);
  readonly offsets: number[] = [];
  /** Writes that were begun and not ended. */
  readonly begun: (() => void)[] = [];
  hold = false;

  read = () => Promise.resolve(this.bytes);
  format = () => Promise.resolve();
  close = () => Promise.resolve();

  write(offset: number, bytes: Buffer, callback: (error: Error | undefined) => void): void {
    const end = () => {
      this.bytes.set(bytes, offset);
      this.offsets.push(offset);
      callback(undefined);
    };
    if (this.hold) this.begun.push(end);
    else end();
  }

  row(replica = R): MarkerRow | undefined {
    return decodeMarker(this.bytes)?.rows.find((row) => row.replica === replica);
  }
}

describe("the marker's writer", () => {
  let medium: TestMedium;
  let timers: { delayMs: number; run: () => void; cancelled: boolean }[];
  let marker: MarkerWriter;

  beforeEach(() => {
    medium = new TestMedium();
    timers = [];
    const image = { storeId: "00".repeat(16), boot: 1, generation: 0, rows: [] };
    const after = (delayMs: number, run: () => void) => {
      const timer = { delayMs, run, cancelled: false };
      timers.push(timer);
      return () => (timer.cancelled = true);
    };
    marker = new MarkerWriter(medium, image, after, (error) => {
      throw error;
    });
    marker.track(R, STATE, at(10), undefined);
  });

  const round = async (last: number, hardState = STATE) => {
    marker.begin(R, hardState, at(last));
    await marker.write();
    marker.finish(R, at(last));
    marker.raiseWhenIdle();
  };
  const waiting = () => timers.filter(({ cancelled }) => !cancelled);

  it("promises in a round what the round before finished, and says what it attempts", async () => {
    await round(12);
    expect(medium.row()).to.deep.include({ promised: at(10), attempted: at(12) });
    await round(13, { term: 4, vote: 2, commit: 0 });
    expect(medium.row()).to.deep.include({ promised: at(12), attempted: at(13), term: 4, vote: 2 });
  });

  it("promises a round that none follows by a write of its own", async () => {
    await round(12);
    const [timer] = waiting();
    expect(timer?.delayMs).to.equal(IDLE_RAISE_MS);
    timer?.run();
    expect(medium.row()?.promised).to.deep.equal(at(12));
    expect(medium.offsets).to.have.length(2);
  });

  it("leaves that write out when a round follows in time", async () => {
    await round(12);
    await round(13);
    expect(timers).to.have.length(2);
    expect(waiting()).to.have.length(1);
  });

  it("promises less before a round shortens the log", async () => {
    await round(12);
    marker.begin(R, STATE, at(11, 4));
    marker.lower(R, at(9));
    await marker.write();
    expect(medium.row()).to.deep.include({ promised: at(9), attempted: at(11, 4) });
    marker.finish(R, at(11, 4));
    await marker.write();
    expect(medium.row()?.promised).to.deep.equal(at(11, 4));
  });

  it("keeps the promise that the store lost until the log has come past it", async () => {
    marker.track(R, STATE, at(4), { promised: at(10), attempted: at(12) });
    await round(6);
    await round(9);
    marker.lower(R, at(5));
    await round(8);
    expect(medium.row()?.promised).to.deep.equal(at(10));
    await round(10, STATE);
    await marker.write();
    expect(medium.row()?.promised).to.deep.equal(at(10));
    await round(11);
    await marker.write();
    expect(medium.row()?.promised).to.deep.equal(at(11));
  });

  it("does not take a longer log of an older term for the promised entry", async () => {
    const lost = { promised: at(10, 5), attempted: at(10, 5) };
    marker.track(R, { ...STATE, term: 5 }, at(4), lost);
    await round(20);
    await marker.write();
    expect(medium.row()).to.deep.include(lost);
  });

  it("takes what a peer knows for promised, also over a round", async () => {
    marker.lose(R, at(14, 4));
    await marker.write();
    await round(12);
    expect(medium.row()).to.deep.include({ promised: at(14, 4), attempted: at(14, 4) });
    marker.lose(R, at(13, 4));
    await round(14, { term: 5, vote: 2, commit: 0 });
    await marker.write();
    expect(medium.row()).to.deep.include({ promised: at(14, 4), attempted: at(14, 4) });
    marker.begin(R, undefined, at(15, 5));
    await marker.write();
    marker.finish(R, at(15, 5));
    await marker.write();
    expect(medium.row()).to.deep.include({ promised: at(15, 5) });
  });

  it("writes the slots in turn, and never both at once", async () => {
    medium.hold = true;
    const writes = [marker.write(), marker.write(), marker.write()];
    expect(medium.begun).to.have.length(1);
    for (let ended = 0; ended < 3; ended++) {
      medium.begun.shift()?.();
      await writes[ended];
      await Promise.resolve();
      expect(medium.begun).to.have.length(ended < 2 ? 1 : 0);
    }
    const [first, second, third] = medium.offsets;
    expect(first).not.to.equal(second);
    expect(first).to.equal(third);
  });

  it("promises everything when it closes", async () => {
    await round(12);
    await marker.close();
    expect(medium.row()?.promised).to.deep.equal(at(12));
    expect(waiting()).to.have.length(0);
  });
});
