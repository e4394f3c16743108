import { expect } from "chai";
import type { Delivery, Operation } from "../../src/domain/index.js";
import { OUTBOX_ROWS_MAX } from "../../src/machine/draft.js";
import { createStoreCodec } from "../../src/wire/store/index.js";
import { ANONYMOUS, registerUser, SYSTEM, userCaller } from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

const { rows } = createStoreCodec();
const ana = userCaller("ana");
const GROUPS = 3;
const [AM, NZ] = [1, 2];

const FOUND: Operation = {
  kind: "create-group",
  group: "choir",
  uid: "",
  displayName: "",
  groupKind: "peer",
  parent: "",
};

function deliver(number: number, delivery: Delivery, epoch = 1): Operation {
  return { kind: "deliver", source: GROUPS, epoch, number, delivery };
}

function member(user: string): Delivery {
  const place = { role: "member", rank: 1, createTimeMs: 1, revision: 1, joinRevision: 1 } as const;
  return { kind: "member", member: { group: "choir", user, ...place } };
}

describe("an outbox", () => {
  let shard: AgendaShard;
  const read = (target: number, after = 0) =>
    shard.ask(SYSTEM, { kind: "list-outbox", target, after, pageSize: 100 }, "outbox").outbox;

  beforeEach(() => {
    shard = new AgendaShard();
  });

  it("holds what a command has for others, in order and numbered for each", () => {
    expect(shard.run(ana, FOUND).posted).deep.equals([AM, NZ]);
    for (const target of [AM, NZ]) {
      const { last, done, entries } = read(target);
      expect({ last, done }).deep.equals({ last: 2, done: 0 });
      expect(entries.map(({ number, delivery }) => [number, delivery.kind])).deep.equals([
        [1, "group"],
        [2, "member"],
      ]);
    }
    expect(read(GROUPS).entries).deep.equals([]);
  });

  it("lets go of what was taken, and of nothing else", () => {
    shard.done(ana, FOUND);
    const settle = (upTo: number): Operation => ({ kind: "settle-outbox", target: AM, upTo });
    shard.done(SYSTEM, settle(1));
    shard.done(SYSTEM, settle(1));
    expect(read(AM).entries.map(({ number }) => number)).deep.equals([2]);
    shard.done(SYSTEM, settle(999));
    expect(read(AM)).deep.equals({ last: 2, done: 2, entries: [] });
    expect(read(NZ).entries).to.have.lengthOf(2);
    const left = shard.memory.state.rows().filter(({ key }) => key.startsWith(`ob/${AM}/`));
    expect(left).deep.equals([]);
  });

  it("is the cluster's alone", () => {
    for (const operation of [
      deliver(1, member("eve")),
      { kind: "settle-outbox", target: AM, upTo: 1 } as const,
    ]) {
      shard.refused(ana, operation, "permission-denied");
    }
    const question = { kind: "list-outbox", target: AM, after: 0, pageSize: 1 } as const;
    expect(shard.query(ana, question)).to.include({ code: "permission-denied" });
  });

  it("that is full refuses what would go into it, and changes nothing", () => {
    const full = rows.outboxLane.encode({ last: OUTBOX_ROWS_MAX, done: 0 });
    shard.memory.state.write([{ key: `oc/${NZ}`, value: full }]);
    shard.refused(ana, FOUND, "overloaded");
    expect(shard.memory.state.get("gr/choir")).equals(undefined);
    shard.done(SYSTEM, { kind: "settle-outbox", target: NZ, upTo: 10 });
    shard.done(ana, { ...FOUND, group: "board" });
  });
});

describe("a delivery", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
  });
  const members = (): readonly string[] =>
    shard.memory.state
      .rows()
      .filter(({ key }) => key.startsWith("gm/"))
      .map(({ key }) => key);

  it("that comes again is not taken again", () => {
    shard.done(SYSTEM, deliver(1, member("bea")));
    const gone: Delivery = { kind: "member-gone", group: "choir", user: "bea", revision: 2 };
    shard.done(SYSTEM, deliver(2, gone));
    shard.done(SYSTEM, deliver(1, member("bea")));
    expect(members()).deep.equals([]);
  });

  it("before its turn waits for what is missing", () => {
    const message = shard.refused(SYSTEM, deliver(2, member("bea")), "failed-precondition");
    expect(message).contains("1 is next");
    expect(members()).deep.equals([]);
    shard.done(SYSTEM, deliver(1, member("abel")));
    shard.done(SYSTEM, deliver(2, member("bea")));
    expect(members()).deep.equals(["gm/choir/abel", "gm/choir/bea"]);
  });

  it("is counted apart for each epoch of its source", () => {
    shard.done(SYSTEM, deliver(1, member("bea")));
    shard.done(SYSTEM, deliver(1, member("carl"), 2));
    expect(members()).deep.equals(["gm/choir/bea", "gm/choir/carl"]);
  });
});

describe("a user who is gone", () => {
  it("is told of to the groups, once for all sessions and memberships", () => {
    const shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana"));
    const act: Operation = { kind: "set-user-standing", user: "ana", act: "delete", etag: "" };
    expect(shard.run(ana, act).posted).deep.equals([GROUPS]);
  });

  it("leaves all groups, in slices, each with an heir or deleted", () => {
    const shard = new AgendaShard();
    for (let i = 0; i < 45; i++) {
      const group = `group-${i}`;
      shard.done(ana, { ...FOUND, group });
      if (i % 2 === 0) continue;
      shard.done(ana, { kind: "add-member", group, user: "bea", role: "member", rank: 1 });
    }
    let delivery: Delivery | undefined = { kind: "user-gone", user: "ana" };
    let number = 0;
    for (; delivery !== undefined; number++) {
      shard.done(SYSTEM, deliver(number + 1, delivery));
      const question = { kind: "list-outbox", target: GROUPS, after: number, pageSize: 1 } as const;
      delivery = shard.ask(SYSTEM, question, "outbox").outbox.entries[0]?.delivery;
    }
    expect(number).equals(3);
    const keys = shard.memory.state.rows().map(({ key }) => key);
    expect(keys.filter((key) => key.startsWith("gu/ana/"))).deep.equals([]);
    const groups = shard.memory.state.rows().filter(({ key }) => key.startsWith("gr/"));
    const standing = groups.filter(({ value }) => rows.group.decode(value).deleteTimeMs === 0);
    expect(standing).to.have.lengthOf(22);
  });
});
