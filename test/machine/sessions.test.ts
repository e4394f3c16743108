import { expect } from "chai";
import type { Operation, Session } from "../../src/domain/index.js";
import { ANONYMOUS, DAY_MS, HOUR_MS, registerUser, SYSTEM, userCaller } from "../support/agenda.js";
import { KEY_AGE_MIN_MS } from "../../src/machine/cluster-keys.js";
import { AgendaShard } from "../support/agenda-shard.js";

function openSession(session: string, refreshHash = "h0", user = "ana"): Operation {
  return {
    kind: "create-session",
    user,
    session,
    client: "firefox",
    refreshHash,
    lifetimeMs: 30 * DAY_MS,
  };
}

function rotate(presentedHash: string, nextHash: string, session = "s1"): Operation {
  return {
    kind: "rotate-session",
    user: "ana",
    session,
    presentedHash,
    nextHash,
    lifetimeMs: 30 * DAY_MS,
  };
}

function getSession(shard: AgendaShard, session = "s1"): Session {
  return shard.ask(SYSTEM, { kind: "get-session", user: "ana", session }, "session").session;
}

/** Whoever hears the user's channel is told that the session has ended. */
function refusedAndEnded(shard: AgendaShard, operation: Operation): string {
  const { reply, changes } = shard.run(SYSTEM, operation);
  expect(reply).to.include({ kind: "refused", code: "unauthenticated" });
  expect(changes.map(({ resourceName }) => resourceName)).deep.equals(["users/ana/sessions/s1"]);
  return reply.kind === "refused" ? reply.message : "";
}

describe("a session", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana"));
    shard.done(SYSTEM, openSession("s1"));
  });

  it("is opened by the cluster alone", () => {
    shard.refused(userCaller("ana"), openSession("s2"), "permission-denied");
    shard.refused(ANONYMOUS, openSession("s2"), "permission-denied");
    shard.refused(userCaller("ana"), rotate("h0", "h1"), "permission-denied");
  });

  it("needs a user", () => {
    shard.refused(SYSTEM, openSession("s1", "h0", "bea"), "not-found");
  });

  it("is opened once", () => {
    shard.refused(SYSTEM, openSession("s1"), "already-exists");
  });

  it("makes no change and shows no hash", () => {
    const { reply, changes } = shard.run(SYSTEM, openSession("s2", "secret-hash"));
    expect(changes).deep.equals([]);
    expect(JSON.stringify(reply)).not.contains("secret-hash");
    const rotated = shard.run(SYSTEM, rotate("secret-hash", "other-hash", "s2"));
    expect(rotated.reply.kind).equals("done");
    expect(JSON.stringify(rotated.reply)).not.contains("hash-");
    expect(rotated.changes).deep.equals([]);
  });

  it("is refreshed with its token", () => {
    shard.nowMs += HOUR_MS;
    shard.done(SYSTEM, rotate("h0", "h1"));
    expect(getSession(shard)).to.include({
      refreshHash: "h1",
      previousHash: "h0",
      lastUseTimeMs: shard.nowMs,
      expireTimeMs: shard.nowMs + 30 * DAY_MS,
    });
  });

  it("takes the former token again for ten seconds, counted from the first time", () => {
    shard.done(SYSTEM, rotate("h0", "h1"));
    shard.nowMs += 6_000;
    shard.done(SYSTEM, rotate("h0", "h2"));
    expect(getSession(shard).refreshHash).equals("h2");
    shard.nowMs += 4_000;
    shard.done(SYSTEM, rotate("h0", "h3"));
    shard.nowMs += 1;
    refusedAndEnded(shard, rotate("h0", "h4"));
  });

  it("ends when the former token comes late", () => {
    shard.done(SYSTEM, rotate("h0", "h1"));
    shard.nowMs += 10_001;
    refusedAndEnded(shard, rotate("h0", "h2"));
    shard.refused(SYSTEM, rotate("h1", "h2"), "unauthenticated");
    expect(getSession(shard).revokeTimeMs).equals(shard.nowMs);
  });

  it("ends when another token comes", () => {
    refusedAndEnded(shard, rotate("stolen", "h1"));
    shard.refused(SYSTEM, rotate("h0", "h1"), "unauthenticated");
  });

  it("says the same of every end", () => {
    const absent = shard.refused(SYSTEM, rotate("h0", "h1", "none"), "unauthenticated");
    const wrong = refusedAndEnded(shard, rotate("stolen", "h1"));
    const revoked = shard.refused(SYSTEM, rotate("h0", "h1"), "unauthenticated");
    expect([wrong, revoked]).deep.equals([absent, absent]);
  });

  it("expires", () => {
    shard.nowMs += 30 * DAY_MS;
    shard.refused(SYSTEM, rotate("h0", "h1"), "unauthenticated");
  });

  it("is ended by its user, any number of times", () => {
    const revoke: Operation = { kind: "revoke-session", user: "ana", session: "s1" };
    const absent = shard.refused(userCaller("bea"), revoke, "not-found");
    expect(absent).equals("users/ana/sessions/s1 was not found");
    const other: Operation = { kind: "revoke-session", user: "bea", session: "s1" };
    shard.refused(userCaller("bea"), other, "not-found");
    shard.done(userCaller("ana"), revoke);
    shard.done(userCaller("ana"), revoke);
    shard.refused(SYSTEM, rotate("h0", "h1"), "unauthenticated");
  });

  it("ends with a change of password, but for the one that changes it", () => {
    shard.done(SYSTEM, openSession("s2"));
    shard.done(SYSTEM, openSession("s3"));
    const change: Operation = {
      kind: "change-password",
      user: "ana",
      passwordHash: "$argon2id$new",
      keepSession: "s2",
    };
    shard.refused(userCaller("bea"), change, "not-found");
    const { changes } = shard.run(userCaller("ana"), change);
    expect(changes.map(({ kind, resourceName }) => [kind, resourceName])).deep.equals([
      ["deleted", "users/ana/sessions/s1"],
      ["deleted", "users/ana/sessions/s3"],
    ]);
    expect(JSON.stringify(changes)).not.contains("h0");
    shard.refused(SYSTEM, rotate("h0", "h1", "s1"), "unauthenticated");
    shard.refused(SYSTEM, rotate("h0", "h1", "s3"), "unauthenticated");
    shard.done(SYSTEM, rotate("h0", "h1", "s2"));
    const question = { kind: "get-credentials", user: "ana" } as const;
    const { credentials } = shard.ask(SYSTEM, question, "credentials");
    expect(credentials.passwordHash).equals("$argon2id$new");
  });

  it("gives way to the 65th, the ended and the longest unused first", () => {
    for (let i = 2; i <= 64; i++) {
      shard.nowMs += 1;
      shard.done(SYSTEM, openSession(`s${i}`));
    }
    shard.done(userCaller("ana"), { kind: "revoke-session", user: "ana", session: "s9" });
    const isThere = (session: string): boolean =>
      shard.query(SYSTEM, { kind: "get-session", user: "ana", session }).kind === "answered";
    shard.done(SYSTEM, openSession("s65"));
    expect([isThere("s9"), isThere("s1"), isThere("s65")]).deep.equals([false, true, true]);
    shard.done(SYSTEM, openSession("s66"));
    expect([isThere("s1"), isThere("s2")]).deep.equals([false, true]);
  });
});

describe("the keys of the cluster", () => {
  const key = (id: string) => ({ id, jwk: "{}", sinceMs: 0 });
  const keys = {
    current: key("k1"),
    next: key("k2"),
    audit: key("k3"),
    positionKey: "p",
    positionKeyId: 1,
  };
  const known = (shard: AgendaShard) =>
    shard.ask(SYSTEM, { kind: "get-cluster-keys" }, "cluster-keys").keys;

  it("are made once, by the cluster", () => {
    const shard = new AgendaShard();
    const create: Operation = { kind: "create-cluster-keys", keys };
    shard.refused(userCaller("ana"), create, "permission-denied");
    const { reply, changes } = shard.run(SYSTEM, create);
    expect(reply).to.include({ kind: "done", sequence: 0 });
    expect(changes).deep.equals([]);
    const later: Operation = { kind: "create-cluster-keys", keys: { ...keys, positionKey: "q" } };
    shard.refused(SYSTEM, later, "already-exists");
    const { current, positionKey } = known(shard);
    expect({ current, positionKey }).deep.equals({
      current: { ...keys.current, sinceMs: shard.nowMs },
      positionKey: "p",
    });
    const reply2 = shard.query(userCaller("ana"), { kind: "get-cluster-keys" });
    expect(reply2).to.include({ kind: "refused", code: "permission-denied" });
  });

  it("are known before they sign, and after", () => {
    const shard = new AgendaShard();
    shard.done(SYSTEM, { kind: "create-cluster-keys", keys });
    shard.nowMs += KEY_AGE_MIN_MS;
    shard.done(SYSTEM, { kind: "rotate-cluster-keys", expected: "k1", next: key("k4") });
    const { previous, current, next } = known(shard);
    expect([previous?.id, current.id, next.id]).deep.equals(["k1", "k2", "k4"]);
  });

  it("are rotated once by all who find that it is time, and not before they are known", () => {
    const shard = new AgendaShard();
    shard.done(SYSTEM, { kind: "create-cluster-keys", keys });
    const rotate = (expected: string): Operation => ({
      kind: "rotate-cluster-keys",
      expected,
      next: key("k4"),
    });
    shard.refused(SYSTEM, rotate("k1"), "failed-precondition");
    shard.nowMs += KEY_AGE_MIN_MS;
    shard.refused(userCaller("ana"), rotate("k1"), "permission-denied");
    shard.done(SYSTEM, rotate("k1"));
    shard.nowMs += KEY_AGE_MIN_MS;
    shard.refused(SYSTEM, rotate("k1"), "failed-precondition");
    expect(known(shard).current.id).equals("k2");
  });
});
