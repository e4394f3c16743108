import { expect } from "chai";
import type { AppendWork, Entry, HardState, Message } from "../../src/raft/index.js";
import { AppendQueue } from "../../src/runtime/append-queue.js";

const hardState = (commit: number, term = 1): HardState => ({ term, vote: 1, commit });
const entry = (index: number, term = 1): Entry => ({
  term,
  index,
  kind: "normal",
  data: Buffer.from([index]),
});
const RESPONSE: Message = {
  kind: "append-response",
  from: 1,
  to: 2,
  term: 1,
  index: 1,
  reject: false,
  hintIndex: 0,
  hintTerm: 0,
};

function work(parts: Partial<AppendWork>): AppendWork {
  return { entries: [], responses: [], mustSync: false, ...parts };
}

describe("the works for one round", () => {
  let queue: AppendQueue;
  beforeEach(() => {
    queue = new AppendQueue();
  });

  it("are urgent where entries wait, or a term or vote, or responses behind a write", () => {
    for (const urgent of [
      work({ entries: [entry(1)], mustSync: true }),
      work({ hardState: hardState(0, 2), mustSync: true }),
      work({ responses: [RESPONSE] }),
    ]) {
      queue = new AppendQueue();
      queue.push(urgent);
      expect(queue.isUrgent).to.equal(true);
    }
  });

  it("are not urgent where all that is new is the commit index, which goes along with the next", () => {
    queue.push(work({ hardState: hardState(4) }));
    queue.push(work({ hardState: hardState(5) }));
    expect(queue.isUrgent).to.equal(false);
    queue.push(work({ entries: [entry(6)], mustSync: true }));
    expect(queue.isUrgent).to.equal(true);
    expect(queue.take()).to.deep.include({ entries: [entry(6)], hardState: hardState(5) });
    expect(queue.isUrgent).to.equal(false);
  });

  it("let a response pass at once only where nothing before it is on its way to the disk", () => {
    const response = work({ hardState: hardState(1), responses: [RESPONSE] });
    expect(queue.isFree(response)).to.equal(true);
    queue.push(work({ entries: [entry(1)], mustSync: true }));
    expect(queue.isFree(response)).to.equal(false);
    queue.take();
    expect(queue.isFree(response)).to.equal(false);
    queue.written();
    expect(queue.isFree(response)).to.equal(true);
  });

  it("never let a vote or entries pass", () => {
    expect(queue.isFree(work({ hardState: hardState(0, 2), mustSync: true }))).to.equal(false);
    expect(queue.isFree(work({ entries: [entry(1)] }))).to.equal(false);
  });

  it("leave out entries that a later work overwrites", () => {
    queue.push(work({ entries: [entry(1), entry(2)], mustSync: true }));
    queue.push(work({ entries: [entry(2, 2)], mustSync: true }));
    expect(queue.take().entries).to.deep.equal([entry(1), entry(2, 2)]);
  });

  it("acknowledge nothing that a later work overwrites, written already or not", () => {
    const acknowledge = (index: number): Message => ({ ...RESPONSE, index });
    const refusal: Message = { ...RESPONSE, index: 3, reject: true };
    queue.push(work({ entries: [entry(3)], responses: [acknowledge(2), acknowledge(3), refusal] }));
    queue.push(work({ entries: [entry(2, 2)], responses: [acknowledge(2)] }));
    queue.push(work({ entries: [entry(3, 2)], responses: [acknowledge(3)] }));
    expect(queue.take().works.map(({ responses }) => responses)).to.deep.equal([
      [refusal],
      [acknowledge(2)],
      [acknowledge(3)],
    ]);
  });

  it("stop before a snapshot, which stands alone, and stay urgent behind it", () => {
    const snapshot = {
      meta: {
        index: 9,
        term: 1,
        confState: {
          voters: [1],
          learners: [],
          votersOutgoing: [],
          learnersNext: [],
          autoLeave: false,
        },
      },
      data: new Uint8Array(),
    };
    queue.push(work({ entries: [entry(1)], mustSync: true }));
    queue.push(work({ snapshot, mustSync: true }));
    queue.push(work({ entries: [entry(10)], mustSync: true }));
    expect(queue.take().entries).to.deep.equal([entry(1)]);
    expect(queue.take().works.map((one) => one.snapshot)).to.deep.equal([snapshot]);
    expect(queue.isUrgent).to.equal(true);
    expect(queue.take().entries).to.deep.equal([entry(10)]);
    expect(queue.isUrgent).to.equal(false);
  });
});
