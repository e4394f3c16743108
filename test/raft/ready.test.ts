import { expect } from "chai";
import { RaftGroup } from "../../src/raft/index.js";
import type { AppendDone, Message, Ready } from "../../src/raft/index.js";
import { append, bytes, confOf, entry, newStore, TestReplica } from "./test-network.js";

function newGroup(store = newStore(confOf([1, 2, 3])), settings = {}): RaftGroup {
  const { hardState, confState, applied } = store;
  const randomTicks = (min: number): number => min;
  return new RaftGroup({ ...settings, id: 1, hardState, confState, applied, randomTicks }, store);
}

function heartbeat(from: number, term: number, commit: number): Message {
  return { kind: "heartbeat", from, to: 1, term, commit, readRound: 0 };
}

describe("the work for the log store", () => {
  const start = { index: 1, term: 1 };

  it("must be synced if only the vote is new", () => {
    const group = newGroup();
    group.step(heartbeat(2, 5, 0));
    group.ready();
    group.forgetLeader();
    const last = { lastIndex: 1, lastTerm: 1 };
    group.step({ kind: "vote", from: 3, to: 1, term: 5, transfer: false, ...last });
    const { append: work } = group.ready();
    expect(work).to.deep.include({ hardState: { term: 5, vote: 3, commit: 1 }, mustSync: true });
  });

  it("need not be synced if only the commit index is", () => {
    const group = newGroup();
    group.step(append({ from: 2, to: 1, term: 2 }, start, [entry(2, 2)]));
    expect(group.ready().append).to.include({ mustSync: true });
    group.step(heartbeat(2, 2, 2));
    const { append: work } = group.ready();
    expect(work).to.include({ mustSync: false });
    expect(work?.hardState?.commit).to.equal(2);
  });

  it("must be synced if there is a snapshot, whose acknowledgement it carries", () => {
    const group = newGroup();
    const meta = { index: 9, term: 2, confState: confOf([1, 2, 3]) };
    const snapshot = { meta, data: new Uint8Array(0) };
    group.step({ kind: "snapshot", from: 2, to: 1, term: 2, snapshot });
    const { append: work, apply } = group.ready();
    expect(work).to.include({ mustSync: true, snapshot });
    expect(work?.done?.snapshot).to.equal(meta);
    expect(work?.responses[0]).to.include({ kind: "append-response", index: 9 });
    expect(apply).to.equal(undefined);
  });

  it("acknowledges nothing to a leader whose term is over, that the next one cut off before it was written", () => {
    const group = newGroup();
    group.step(append({ from: 2, to: 1, term: 2 }, start, [entry(2, 2), entry(2, 3)]));
    group.step(append({ from: 3, to: 1, term: 3 }, start, [entry(3, 2)]));
    const { append: work } = group.ready();
    expect(work?.entries).to.have.length(1);
    const responses = work?.responses.map(({ to, term }) => ({ to, term }));
    expect(responses).to.deep.equal([{ to: 3, term: 3 }]);
  });

  it("confirms nothing by a write of a former term: the same entry may be on its way again", () => {
    const store = newStore(confOf([1, 2, 3]));
    const group = newGroup(store);
    const writeNext = (): AppendDone => {
      const { append: work } = group.ready();
      if (work?.done === undefined) throw new Error("nothing is written");
      store.persist(work);
      return work.done;
    };
    const first = entry(2, 2);
    group.step(append({ from: 2, to: 1, term: 2 }, start, [first]));
    const early = writeNext();
    group.step(append({ from: 3, to: 1, term: 3 }, start, [entry(3, 2)]));
    writeNext();
    group.step(append({ from: 2, to: 1, term: 4 }, start, [first], 2));
    const last = writeNext();
    // When this one was written, the entry of term 3 was still to replace it before it comes back.
    group.appended(early);
    expect(group.hasReady()).to.equal(false);
    group.appended(last);
    expect(group.ready().apply?.entries).to.deep.equal([first]);
  });

  it("frees what a snapshot overtakes on its way to the state machine: nobody will apply it", () => {
    const store = newStore(confOf([1, 2, 3]));
    const group = newGroup(store, { maxCommittedBytesPerReady: 1 });
    const write = (): Ready => {
      const ready = group.ready();
      if (ready.append === undefined) throw new Error("nothing is written");
      store.persist(ready.append);
      if (ready.append.done !== undefined) group.appended(ready.append.done);
      return ready;
    };
    group.step(append({ from: 2, to: 1, term: 2 }, start, [entry(2, 2, "a"), entry(2, 3, "b")], 3));
    write();
    expect(group.ready().apply?.entries).to.deep.equal([entry(2, 2, "a")]);
    const meta = { index: 9, term: 2, confState: confOf([1, 2, 3]) };
    const snapshot = { meta, data: new Uint8Array(0) };
    group.step({ kind: "snapshot", from: 2, to: 1, term: 2, snapshot });
    write();
    group.step(append({ from: 2, to: 1, term: 2 }, meta, [entry(2, 10)], 10));
    write();
    expect(group.ready().apply?.entries).to.deep.equal([entry(2, 10)]);
  });

  it("is there for refusals as well: they wait for what was written before", () => {
    const group = newGroup();
    group.step(append({ from: 2, to: 1, term: 2 }, { index: 9, term: 2 }, []));
    const { append: work, messages } = group.ready();
    expect(messages).to.deep.equal([]);
    expect(work?.responses[0]).to.include({ kind: "append-response", reject: true });
  });

  it("is done once: a Ready is not repeated", () => {
    const group = newGroup();
    group.step(append({ from: 2, to: 1, term: 2 }, start, [entry(2, 2)]));
    group.ready();
    expect(group.hasReady()).to.equal(false);
    expect(group.ready()).to.deep.equal({ readStates: [], messages: [] });
  });
});

describe("a restart", () => {
  it("applies again what was committed after the applied state", () => {
    const store = newStore(confOf([1]));
    store.append([entry(1, 2, "a"), entry(1, 3, "b")]);
    store.hardState = { term: 1, vote: 1, commit: 3 };
    store.applied = 2;
    const replica = new TestReplica(1, store);
    replica.flush();
    expect(replica.applied.map(({ data }) => data)).to.deep.equal([bytes("b")]);
  });

  it("takes the applied state as committed where the stored commit index is behind", () => {
    const store = newStore(confOf([1]));
    store.append([entry(1, 2, "a")]);
    store.applied = 2;
    const replica = new TestReplica(1, store);
    expect(replica.group.status()).to.include({ commit: 2, applied: 2 });
  });

  it("does not start on a log that ends before its state", () => {
    const store = newStore(confOf([1]));
    store.applied = 5;
    expect(() => new TestReplica(1, store)).to.throw("State ends at 5");
  });
});
