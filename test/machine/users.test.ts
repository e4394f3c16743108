import { expect } from "chai";
import { ANONYMOUS, registerUser, SYSTEM, userCaller } from "../support/agenda.js";
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
