import { expect } from "chai";
import type { Caller, Operation } from "../../src/domain/index.js";
import { KEYS } from "../../src/machine/rows.js";
import { ANONYMOUS, DAY_MS, registerUser, SYSTEM, userCaller } from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

describe("the channels that a user chose", () => {
  const ana = userCaller("ana");
  const choose = (channels: readonly string[], etag = ""): Operation => ({
    kind: "set-subscriptions",
    user: "ana",
    channels,
    etag,
  });
  let shard: AgendaShard;
  const chosen = (caller: Caller = ana) =>
    shard.ask(caller, { kind: "get-subscriptions", user: "ana" }, "subscriptions").subscriptions;

  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana"));
  });

  it("are none at first", () => {
    expect(chosen()).to.deep.equal({ user: "ana", channels: [], updateTimeMs: 0, revision: 0 });
  });

  it("are replaced as a whole, in their order, each once", () => {
    shard.done(ana, choose(["users/ana"]));
    shard.done(ana, choose(["groups/choir", "calendars/ana", "groups/choir"]));
    expect(chosen().channels).to.deep.equal(["groups/choir", "calendars/ana"]);
  });

  it("are told on the user's channel", () => {
    const { changes } = shard.run(ana, choose(["groups/choir"]));
    expect(changes.map(({ kind, channel, resourceName }) => [kind, channel, resourceName])).to.eql([
      ["created", "users/ana", "users/ana/subscriptions"],
    ]);
    const [again] = shard.run(ana, choose([])).changes;
    expect(again).to.include({ kind: "updated" });
    expect(again?.resource).to.have.nested.property("subscriptions.channels").that.is.empty;
  });

  it("change nothing where the same are chosen again", () => {
    const { revision } = shard.done(ana, choose(["groups/choir"]));
    const { reply, changes } = shard.run(ana, choose(["groups/choir"]));
    expect(reply).to.include({ kind: "done", revision });
    expect(changes).to.be.empty;
  });

  it("are not written over by who has not seen them", () => {
    shard.done(ana, choose(["groups/choir"], '"r0"'));
    shard.refused(ana, choose(["calendars/ana"], '"r0"'), "stale-etag");
    shard.done(ana, choose(["calendars/ana"], `"r${chosen().revision}"`));
  });

  it("are nobody else's to see or to choose, not even an administrator's", () => {
    const admin: Caller = { kind: "user", user: "root", sessionId: "s", roles: ["admin"] };
    for (const caller of [userCaller("bea"), admin, ANONYMOUS]) {
      shard.refused(caller, choose([]), "not-found");
      const reply = shard.query(caller, { kind: "get-subscriptions", user: "ana" });
      expect(reply).to.include({ kind: "refused", code: "not-found" });
    }
  });

  it("are 128 at most", () => {
    const many = Array.from({ length: 129 }, (_, i) => `groups/g${i}`);
    shard.refused(ana, choose(many), "invalid-argument");
    shard.done(ana, choose(many.slice(1)));
  });

  it("go when the user is purged", () => {
    shard.done(ana, choose(["groups/choir"]));
    const gone = { kind: "set-user-standing", user: "ana", act: "delete", etag: "" } as const;
    shard.done(ana, gone);
    shard.refused(ana, choose([]), "not-found");
    expect(shard.memory.state.get(KEYS.subscriptions("ana"))).to.not.equal(undefined);
    shard.nowMs += 31 * DAY_MS;
    shard.done(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
    expect(shard.memory.state.get(KEYS.subscriptions("ana"))).to.equal(undefined);
  });
});
