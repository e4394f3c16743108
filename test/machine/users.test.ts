import { expect } from "chai";
import type { Caller, Operation, UserAct, UserField } from "../../src/domain/index.js";
import { ANONYMOUS, DAY_MS, registerUser, SYSTEM, userCaller } from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

describe("registering a user", () => {
  it("answers with the user and reports it on the user's channel", () => {
    const shard = new AgendaShard();
    const { reply, changes } = shard.run(ANONYMOUS, registerUser("ana", { email: "a@x.org" }));
    expect(reply).to.include({ kind: "done", name: "users/ana", revision: 1, sequence: 1 });
    expect(changes.map(({ kind, channel, revision }) => [kind, channel, revision])).deep.equals([
      ["created", "users/ana", 1],
    ]);
    expect(JSON.stringify(changes)).not.contains("argon2id");
  });

  it("never gives an id again", () => {
    const shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana"));
    shard.refused(ANONYMOUS, registerUser("ana"), "already-exists");
  });

  it("takes an e-mail address once, whatever its case, and none any number of times", () => {
    const shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana", { email: "Ana@Example.org" }));
    shard.refused(ANONYMOUS, registerUser("bea", { email: "ana@example.ORG" }), "already-exists");
    shard.done(ANONYMOUS, registerUser("bea"));
    shard.done(ANONYMOUS, registerUser("carl"));
  });

  it("makes one administrator, with the bootstrap credential", () => {
    const shard = new AgendaShard();
    const { resource } = shard.done(ANONYMOUS, registerUser("ana", { bootstrapHash: "b" }));
    expect(resource?.kind === "user" && resource.user.clusterRoles).deep.equals(["admin"]);
    const second = registerUser("bea", { bootstrapHash: "b" });
    shard.refused(ANONYMOUS, second, "failed-precondition");
    const plain = shard.done(ANONYMOUS, registerUser("bea"));
    expect(plain.resource?.kind === "user" && plain.resource.user.clusterRoles).deep.equals([]);
  });

  for (const id of ["", "Ana", "1ana", "ana-", "a".repeat(64), "ana/x", "ñ", "a.b"]) {
    it(`refuses the id ${JSON.stringify(id)} without a trace`, () => {
      const { reply, writes } = new AgendaShard().run(ANONYMOUS, registerUser(id));
      expect(reply).to.include({ kind: "refused", code: "invalid-argument" });
      expect(writes).deep.equals([]);
    });
  }

  it("counts a name in characters", () => {
    const shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana", { displayName: "🎵".repeat(63) }));
    const tooLong = registerUser("bea", { displayName: "🎵".repeat(64) });
    shard.refused(ANONYMOUS, tooLong, "invalid-argument");
  });
});

describe("a user", () => {
  const shard = new AgendaShard();
  before(() => {
    shard.done(ANONYMOUS, registerUser("ana", { email: "a@x.org", displayName: "Ana" }));
  });

  it("sees everything of themselves", () => {
    const { user } = shard.ask(userCaller("ana"), { kind: "get-user", user: "ana" }, "user");
    expect(user).to.include({ email: "a@x.org", uid: "uid-ana", revision: 1 });
  });

  it("shows others only a name", () => {
    const { user } = shard.ask(userCaller("bea"), { kind: "get-user", user: "ana" }, "user");
    expect(user).to.include({ id: "ana", displayName: "Ana", email: "", uid: "", timeZone: "" });
    expect(user.createTimeMs).equals(0);
  });

  it("has credentials that only the cluster reads", () => {
    const question = { kind: "get-credentials", user: "ana" } as const;
    const { credentials } = shard.ask(SYSTEM, question, "credentials");
    expect(credentials.passwordHash).equals("$argon2id$x");
    const refused = { kind: "refused", code: "permission-denied" };
    expect(shard.query(userCaller("ana"), question)).to.include(refused);
    expect(shard.query(ANONYMOUS, question)).to.include(refused);
  });

  it("that is none is not found", () => {
    for (const user of ["nobody", "ñ", ""]) {
      const reply = shard.query(userCaller("ana"), { kind: "get-user", user });
      expect(reply).to.include({ kind: "refused", code: "not-found" });
    }
  });
});

describe("a user", () => {
  const admin: Caller = { kind: "user", user: "root", sessionId: "s", roles: ["admin"] };
  const ana = userCaller("ana");
  const content = {
    displayName: "Ana",
    email: "new@example.org",
    timeZone: "America/Havana",
    defaultVisibility: "busy-only" as const,
    workingHours: [
      { weekday: 2, startMinute: 540, endMinute: 1020 },
      { weekday: 1, startMinute: 540, endMinute: 1020 },
    ],
  };
  const update = (fields: readonly UserField[], etag = ""): Operation => ({
    kind: "update-user",
    user: "ana",
    content,
    fields,
    etag,
  });
  const act = (what: UserAct, user = "ana"): Operation => ({
    kind: "set-user-standing",
    user,
    act: what,
    etag: "",
  });
  let shard: AgendaShard;
  const get = (caller: Caller, user = "ana") =>
    shard.ask(caller, { kind: "get-user", user }, "user").user;
  const openSession = (): Operation => ({
    kind: "create-session",
    user: "ana",
    session: "s1",
    client: "",
    refreshHash: "h",
    lifetimeMs: 3_600_000,
  });

  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana", { email: "old@example.org" }));
  });

  it("changes only the fields that are named", () => {
    shard.done(ana, update(["email", "workingHours"]));
    const user = get(ana);
    expect(user).to.include({ email: "new@example.org", displayName: "ana", timeZone: "UTC" });
    expect(user.workingHours.map(({ weekday }) => weekday)).deep.equals([1, 2]);
  });

  it("gives an e-mail address free for others, and takes none of theirs", () => {
    shard.done(ana, update(["email"]));
    shard.done(ANONYMOUS, registerUser("bea", { email: "OLD@example.org" }));
    shard.refused(
      userCaller("bea"),
      { ...update(["email"]), user: "bea" } as Operation,
      "already-exists",
    );
  });

  it("is not written over what somebody else has written meanwhile", () => {
    shard.done(ana, update(["displayName"], '"r1"'));
    shard.refused(ana, update(["displayName"], '"r1"'), "stale-etag");
  });

  it("is changed by nobody else", () => {
    shard.refused(userCaller("bea"), update(["displayName"]), "not-found");
    shard.refused(userCaller("bea"), act("delete"), "not-found");
    shard.refused(ana, act("disable"), "permission-denied");
  });

  it("is found by exact id or e-mail address alone", () => {
    const find = (users: readonly string[], email: string) =>
      shard
        .ask(userCaller("bea"), { kind: "find-users", users, email }, "users")
        .users.map(({ id, email: shown }) => [id, shown]);
    expect(find(["ana", "an", "nobody"], "")).deep.equals([["ana", ""]]);
    expect(find([], "Old@Example.org")).deep.equals([["ana", ""]]);
    expect(find([], "old@example")).deep.equals([]);
  });

  it("who is disabled has no session, and gets none", () => {
    shard.done(SYSTEM, openSession());
    shard.done(admin, act("disable"));
    const question = { kind: "get-session", user: "ana", session: "s1" } as const;
    expect(shard.ask(SYSTEM, question, "session").session.revokeTimeMs).greaterThan(0);
    shard.refused(SYSTEM, { ...openSession(), session: "s2" } as Operation, "not-found");
    shard.done(admin, act("enable"));
    shard.done(SYSTEM, { ...openSession(), session: "s2" } as Operation);
  });

  it("who is deleted can be had back until purged, and the id is nobody else's for ever", () => {
    shard.done(ana, act("delete"));
    expect(shard.query(userCaller("bea"), { kind: "get-user", user: "ana" })).to.include({
      code: "not-found",
    });
    shard.done(admin, act("undelete"));
    expect(get(ana).deleteTimeMs).equals(0);
    shard.done(ana, act("delete"));
    shard.nowMs += 31 * DAY_MS;
    shard.done(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
    shard.refused(admin, act("undelete"), "not-found");
    shard.refused(ANONYMOUS, registerUser("ana"), "already-exists");
    shard.done(ANONYMOUS, registerUser("bea", { email: "old@example.org" }));
  });

  it("whose id is taken is told of a free one", () => {
    shard.done(ANONYMOUS, registerUser("ana-2"));
    const message = shard.refused(ANONYMOUS, registerUser("ana"), "already-exists");
    expect(message).equals("users/ana is taken: users/ana-3 is free");
  });
});
