import { expect } from "chai";
import type { Caller, Operation } from "../../src/domain/index.js";
import {
  ADDRESS_FAILURES_MAX,
  ADDRESS_WINDOW_MS,
  USER_FAILURES_MAX,
  USER_WINDOW_MS,
} from "../../src/machine/login-throttle.js";
import { ANONYMOUS, DAY_MS, HOUR_MS, registerUser, SYSTEM, userCaller } from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

const HOME = "203.0.113.7";
const ROOT: Caller = { kind: "user", user: "root", sessionId: "s", roles: ["admin"] };

const fail = (user = "ana", address = HOME): Operation => ({
  kind: "record-login-failure",
  user,
  address,
});

function openSession(session: string, address?: string): Operation {
  const from = address === undefined ? {} : { address };
  const [client, refreshHash, lifetimeMs] = ["", "h", 30 * DAY_MS];
  return { kind: "create-session", user: "ana", session, client, refreshHash, lifetimeMs, ...from };
}

describe("failures to log in", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana"));
  });
  const untilMs = (user = "ana", address = HOME): number =>
    shard.ask(SYSTEM, { kind: "get-login-throttle", user, address }, "login-throttle").untilMs;
  const failTimes = (count: number): void => {
    for (let i = 0; i < count; i++) shard.done(SYSTEM, fail());
  };

  it("keep a user out of one address after so many, and for so long", () => {
    failTimes(USER_FAILURES_MAX - 1);
    expect(untilMs()).equals(0);
    failTimes(1);
    expect(untilMs()).equals(shard.nowMs + USER_WINDOW_MS);
    expect([untilMs("ana", "203.0.113.8"), untilMs("bea")]).deep.equals([0, 0]);
  });

  it("count of users that there are not", () => {
    for (let i = 0; i < USER_FAILURES_MAX; i++) shard.done(SYSTEM, fail("nobody"));
    expect(untilMs("nobody")).greaterThan(shard.nowMs);
  });

  it("are forgotten by the one who gets in, there and nowhere else", () => {
    failTimes(USER_FAILURES_MAX - 1);
    shard.done(SYSTEM, openSession("s1", "203.0.113.8"));
    failTimes(1);
    expect(untilMs()).greaterThan(0);
    shard.done(SYSTEM, openSession("s2", HOME));
    expect(untilMs()).equals(0);
  });

  it("begin anew when the time is over", () => {
    failTimes(USER_FAILURES_MAX);
    shard.nowMs += USER_WINDOW_MS;
    failTimes(1);
    expect(untilMs()).equals(0);
  });

  it("keep an address out of all users after so many in a day, which begins with the first", () => {
    for (let i = 0; i < ADDRESS_FAILURES_MAX; i++) {
      shard.done(SYSTEM, fail(`u${i}`));
      if (i === 0) shard.nowMs += HOUR_MS;
    }
    expect(untilMs("zoe")).equals(shard.nowMs - HOUR_MS + ADDRESS_WINDOW_MS);
    expect(untilMs("zoe", "203.0.113.8")).equals(0);
  });

  it("leave nothing behind when their time is over", () => {
    for (const user of ["ana", "ana", "bea"]) {
      shard.done(SYSTEM, fail(user));
      shard.nowMs += 1000;
    }
    shard.nowMs += ADDRESS_WINDOW_MS;
    shard.done(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
    const left = shard.memory.state.rows().filter(({ key }) => /^t[dlxy]\//.test(key));
    expect(left.map(({ key }) => key)).deep.equals([]);
  });

  it("are counted and told by the cluster alone", () => {
    shard.refused(ROOT, fail(), "permission-denied");
    const question = { kind: "get-login-throttle", user: "ana", address: HOME } as const;
    expect(shard.query(ROOT, question)).to.include({ code: "permission-denied" });
  });

  it("take nothing for an address that cannot stand in a key", () => {
    shard.refused(SYSTEM, fail("ana", "a/b"), "invalid-argument");
  });
});

describe("a code that an operator gave", () => {
  let shard: AgendaShard;
  const issue: Operation = {
    kind: "issue-reset-code",
    user: "ana",
    codeHash: "c1",
    lifetimeMs: HOUR_MS,
  };
  const reset = (codeHash: string): Operation => ({
    kind: "reset-password",
    user: "ana",
    codeHash,
    passwordHash: "new",
  });
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana"));
    shard.done(SYSTEM, openSession("s1"));
  });
  const passwordHash = (): string =>
    shard.ask(SYSTEM, { kind: "get-credentials", user: "ana" }, "credentials").credentials
      .passwordHash;

  it("sets a new password once, and ends every session", () => {
    shard.done(SYSTEM, issue);
    shard.done(ANONYMOUS, reset("c1"));
    expect(passwordHash()).equals("new");
    const { session } = shard.ask(
      SYSTEM,
      { kind: "get-session", user: "ana", session: "s1" },
      "session",
    );
    expect(session.revokeTimeMs).greaterThan(0);
    shard.refused(ANONYMOUS, reset("c1"), "unauthenticated");
  });

  it("is void when it is old, when there is a newer one, and for anyone else", () => {
    shard.refused(ANONYMOUS, reset("c1"), "unauthenticated");
    shard.done(SYSTEM, issue);
    shard.refused(ANONYMOUS, reset("c2"), "unauthenticated");
    shard.done(SYSTEM, { ...issue, codeHash: "c2" });
    shard.refused(ANONYMOUS, reset("c1"), "unauthenticated");
    shard.nowMs += HOUR_MS;
    shard.refused(ANONYMOUS, reset("c2"), "unauthenticated");
    expect(passwordHash()).not.equals("new");
  });

  it("is given to nobody by a user without a role, and to no user that is not there", () => {
    shard.refused(userCaller("bea"), issue, "permission-denied");
    shard.refused(SYSTEM, { ...issue, user: "nobody" }, "not-found");
  });
});

describe("the roles of a user in the cluster", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("root", { bootstrapHash: "b" }));
    shard.done(ANONYMOUS, registerUser("ana"));
    shard.done(SYSTEM, openSession("s1"));
  });
  const set = (roles: readonly ("admin" | "operator" | "auditor")[], user = "ana"): Operation => ({
    kind: "set-cluster-roles",
    user,
    roles,
    etag: "",
  });
  const isAlive = (): boolean =>
    shard.ask(SYSTEM, { kind: "get-session", user: "ana", session: "s1" }, "session").session
      .revokeTimeMs === 0;

  it("are given and taken by an administrator alone", () => {
    shard.refused(userCaller("ana"), set(["admin"]), "permission-denied");
    const { resource } = shard.done(ROOT, set(["auditor", "admin", "auditor"]));
    expect(resource?.kind === "user" && resource.user.clusterRoles).deep.equals([
      "admin",
      "auditor",
    ]);
  });

  it("leave sessions alone when they are given, and end them when they are taken", () => {
    shard.done(ROOT, set(["auditor"]));
    expect(isAlive()).equals(true);
    shard.done(ROOT, set(["operator"]));
    expect(isAlive()).equals(false);
  });

  it("leave the cluster an administrator", () => {
    shard.refused(ROOT, set([], "root"), "failed-precondition");
    shard.done(ROOT, set(["admin", "auditor"], "root"));
  });
});
