import { expect } from "chai";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { UserService, UserState } from "../../gen/cabildo/v1/users_pb.js";
import { BOOTSTRAP, failureOf, GatewayBench, PASSWORD } from "./support.js";

const { register, login, refresh, logout, changePassword, resetPassword } = AuthService.method;

describe("a user of the API", function () {
  this.timeout(30_000);
  let bench: GatewayBench;

  beforeEach(async () => {
    bench = await GatewayBench.open();
  });

  it("registers, logs in and is known by the token", async () => {
    const user = await bench.call(register, {
      userId: "ana",
      password: PASSWORD,
      displayName: "Ana",
      timeZone: "America/Havana",
    });
    expect(user).to.include({ name: "users/ana", displayName: "Ana", state: UserState.ACTIVE });
    const session = await bench.call(login, { userId: "ana", password: PASSWORD, client: "t" });
    expect(session.session).to.match(/^users\/ana\/sessions\/[0-9a-f]{32}$/);
    expect(session.user?.timeZone).to.equal("America/Havana");
    const { caller, expireTimeMs } = await bench.gateway.authenticate(session.accessToken);
    expect(caller).to.deep.include({ kind: "user", user: "ana", roles: [] });
    expect(expireTimeMs - bench.clock.wallMs()).to.be.within(298_000, 301_000);
    const seen = await bench.call(
      UserService.method.getUser,
      { name: "users/ana" },
      session.accessToken,
    );
    expect(seen.etag).to.equal(user.etag);
  });

  it("cannot take an id that is taken", async () => {
    await bench.call(register, { userId: "ana", password: PASSWORD });
    const again = bench.call(register, { userId: "ana", password: "another one" });
    expect(await failureOf(again)).to.include({ code: "already-exists" });
  });

  it("who repeats a registration gets the first answer", async () => {
    const request = { userId: "ana", password: PASSWORD, requestId: "r-1" };
    const first = await bench.call(register, request);
    const second = await bench.call(register, request);
    expect(second).to.deep.equal(first);
    const other = bench.call(register, { ...request, displayName: "Other" });
    expect(await failureOf(other)).to.include({ code: "request-id-reused" });
  });

  it("leaves no trace of the password in the log but its Argon2id hash", async () => {
    const request = { userId: "ana", password: PASSWORD, requestId: "r-1" };
    await bench.call(register, request);
    const { fingerprint, operation } = bench.shards.commands.at(-1)!;
    await bench.call(register, { ...request, password: "another one", userId: "ana" });
    expect(bench.shards.commands.at(-1)!.fingerprint).to.equal(fingerprint);
    expect(JSON.stringify(operation)).to.not.include(PASSWORD);
  });

  it("is told what is wrong with a request, field by field", async () => {
    const cases = [
      [{ userId: "Ana!", password: PASSWORD }, "user_id"],
      [{ userId: "ana", password: "short" }, "password"],
      [{ userId: "ana", password: PASSWORD, email: "nonsense" }, "email"],
      [{ userId: "ana", password: PASSWORD, timeZone: "Mars/Olympus" }, "time_zone"],
      [{ userId: "ana", password: PASSWORD, requestId: "a b" }, "request_id"],
    ] as const;
    for (const [request, field] of cases) {
      const failure = await failureOf(bench.call(register, request));
      expect(failure).to.include({ code: "invalid-argument" });
      expect(failure.details.violations?.map((violation) => violation.field)).to.deep.equal([
        field,
      ]);
    }
  });

  it("becomes the administrator with the bootstrap credential, once, and with no other", async () => {
    const wrong = { userId: "eve", password: PASSWORD, bootstrapCredential: "guess" };
    expect(await failureOf(bench.call(register, wrong))).to.include({ code: "permission-denied" });
    const first = { userId: "root", password: PASSWORD, bootstrapCredential: BOOTSTRAP };
    expect((await bench.call(register, first)).clusterRoles).to.deep.equal(["admin"]);
    const second = bench.call(register, { ...first, userId: "eve" });
    expect(await failureOf(second)).to.include({ code: "failed-precondition" });
    const { accessToken } = await bench.call(login, { userId: "root", password: PASSWORD });
    expect((await bench.gateway.authenticate(accessToken)).caller.roles).to.deep.equal(["admin"]);
  });

  it("hears the same of a wrong password and of a user that there is not", async () => {
    await bench.person("ana");
    const failures = await Promise.all(
      [
        { userId: "ana", password: "wrong wrong" },
        { userId: "nobody", password: "wrong wrong" },
        { userId: "NOT an id", password: "wrong wrong" },
      ].map((request) => failureOf(bench.call(login, request))),
    );
    expect(new Set(failures.map(({ code, message }) => `${code} ${message}`)).size).to.equal(1);
    expect(failures[0]).to.include({ code: "unauthenticated" });
  });

  it("logs in with a password that was typed with other code points", async () => {
    await bench.call(register, { userId: "ana", password: "contrase\u00f1a" });
    const session = await bench.call(login, { userId: "ana", password: "contrasen\u0303a" });
    expect(session.accessToken).to.not.equal("");
  });

  it("refreshes, may repeat it for a moment, and loses the session to a token of before", async () => {
    const first = await bench.person("ana");
    const second = await bench.call(refresh, { refreshToken: first.refreshToken });
    expect(second.session).to.equal(first.session);
    expect(second.user?.name).to.equal("users/ana");
    const repeated = await bench.call(refresh, { refreshToken: first.refreshToken });
    bench.clock.aheadMs += 11_000;
    const late = bench.call(refresh, { refreshToken: first.refreshToken });
    expect(await failureOf(late)).to.include({ code: "unauthenticated" });
    const after = bench.call(refresh, { refreshToken: repeated.refreshToken });
    expect(await failureOf(after)).to.include({ code: "unauthenticated" });
  });

  it("is refused with a refresh token that is none", async () => {
    const forged = `cr1.nobody.s.${"a".repeat(43)}`;
    for (const refreshToken of ["nonsense", forged]) {
      const failure = await failureOf(bench.call(refresh, { refreshToken }));
      expect(failure).to.include({ code: "unauthenticated" });
    }
  });

  it("is out at once after a logout", async () => {
    const { accessToken, refreshToken } = await bench.person("ana");
    await bench.call(logout, {}, accessToken);
    expect(await failureOf(bench.gateway.authenticate(accessToken))).to.include({
      code: "unauthenticated",
    });
    expect(await failureOf(bench.call(refresh, { refreshToken }))).to.include({
      code: "unauthenticated",
    });
  });

  it("whose session was ended elsewhere is out within five seconds", async () => {
    const { accessToken, session } = await bench.person("ana");
    await bench.gateway.authenticate(accessToken);
    const users = bench.shards.rangeMap.shards.find(({ name }) => name === "users")!;
    await bench.shards.execute(
      users.number,
      {
        caller: { kind: "system" },
        requestId: "",
        fingerprint: "",
        operation: { kind: "revoke-session", user: "ana", session: session.split("/")[3]! },
      },
      { timeoutMs: 1000 },
    );
    bench.clock.aheadMs += 5_001;
    expect(await failureOf(bench.gateway.authenticate(accessToken))).to.include({
      code: "unauthenticated",
    });
  });

  it("is believed while the shard of the users is away", async () => {
    const { accessToken } = await bench.person("ana");
    bench.clock.aheadMs += 6_000;
    bench.shards.away.add(4);
    expect((await bench.gateway.authenticate(accessToken)).caller.user).to.equal("ana");
  });

  it("changes the password, ends the other sessions, and may repeat that", async () => {
    const here = await bench.person("ana");
    const there = await bench.call(login, { userId: "ana", password: PASSWORD });
    const request = {
      currentPassword: PASSWORD,
      newPassword: "a better one",
      requestId: "r-1",
    };
    const wrong = { ...request, currentPassword: "not this", requestId: "r-0" };
    expect(await failureOf(bench.call(changePassword, wrong, here.accessToken))).to.include({
      code: "permission-denied",
    });
    await bench.call(changePassword, request, here.accessToken);
    await bench.call(changePassword, request, here.accessToken);
    await bench.call(refresh, { refreshToken: here.refreshToken });
    expect(await failureOf(bench.call(refresh, { refreshToken: there.refreshToken }))).to.include({
      code: "unauthenticated",
    });
    await bench.call(login, { userId: "ana", password: "a better one" });
    expect(await failureOf(bench.call(login, { userId: "ana", password: PASSWORD }))).to.include({
      code: "unauthenticated",
    });
  });
});

describe("whoever guesses", function () {
  this.timeout(60_000);
  let bench: GatewayBench;
  before(async () => {
    bench = await GatewayBench.open();
    await bench.call(register, { userId: "ana", password: PASSWORD });
    await bench.call(register, { userId: "bea", password: PASSWORD });
  });

  const guess = async (userId: string, password = "not the password") =>
    (await failureOf(bench.call(login, { userId, password }))).code;

  it("is not heard after ten wrong passwords, not even with the right one, and later is", async () => {
    // At once, as a program would.
    const codes = await Promise.all(Array.from({ length: 12 }, () => guess("ana")));
    expect(codes.filter((code) => code === "unauthenticated")).to.have.length(10);
    expect(codes.filter((code) => code === "overloaded")).to.have.length(2);
    const failure = await failureOf(bench.call(login, { userId: "ana", password: PASSWORD }));
    expect(failure).to.include({ code: "overloaded" });
    expect(failure.details.retryAfterMs).to.be.greaterThan(0);
    await bench.call(login, { userId: "bea", password: PASSWORD });
    bench.clock.aheadMs += 16 * 60_000;
    await bench.call(login, { userId: "ana", password: PASSWORD });
  });

  it("is told the same of users that there are not", async () => {
    const codes = await Promise.all(Array.from({ length: 12 }, () => guess("nobody")));
    expect(codes.filter((code) => code === "overloaded")).to.have.length(2);
  });

  it("guesses no code either", async () => {
    const request = { userId: "bea", resetCode: "wrong", newPassword: "a new password" };
    const resets = Array.from({ length: 12 }, () =>
      failureOf(bench.call(resetPassword, request)).then(({ code }) => code),
    );
    const codes = await Promise.all(resets);
    expect(codes.filter((code) => code === "unauthenticated")).to.have.length(10);
  });
});

describe("an administrator", () => {
  it("gives roles that come with the next refresh, and takes them at once", async () => {
    const bench = await GatewayBench.open();
    const first = { userId: "root", password: PASSWORD, bootstrapCredential: BOOTSTRAP };
    await bench.call(register, first);
    const root = await bench.call(login, { userId: "root", password: PASSWORD });
    const eve = await bench.person("eve");
    const { setClusterRoles } = UserService.method;
    const give = async (...clusterRoles: readonly string[]) =>
      bench.call(
        setClusterRoles,
        { name: "users/eve", clusterRoles: [...clusterRoles] },
        root.accessToken,
      );
    await give("auditor");
    const renewed = await bench.call(refresh, { refreshToken: eve.refreshToken });
    const { caller } = await bench.gateway.authenticate(renewed.accessToken);
    expect(caller.roles).to.deep.equal(["auditor"]);
    expect(await failureOf(give("emperor"))).to.include({ code: "invalid-argument" });
    await give();
    bench.clock.aheadMs += 5_000;
    const gone = bench.gateway.authenticate(renewed.accessToken);
    expect(await failureOf(gone)).to.include({ code: "unauthenticated" });
  });
});

describe("whom a login would make of a user", () => {
  it("has the roles of now, and is nobody where no login can succeed", async () => {
    const bench = await GatewayBench.open();
    const first = { userId: "root", password: PASSWORD, bootstrapCredential: BOOTSTRAP };
    await bench.call(register, first);
    const { accessToken } = await bench.call(login, { userId: "root", password: PASSWORD });
    await bench.person("eve");
    const callerOf = (user: string) => bench.gateway.callerOf(user);
    expect(await callerOf("root")).to.deep.include({ user: "root", roles: ["admin"] });
    expect(await callerOf("eve")).to.deep.include({ user: "eve", roles: [] });
    expect(await failureOf(callerOf("nobody"))).to.include({ code: "not-found" });
    await bench.call(UserService.method.disableUser, { name: "users/eve" }, accessToken);
    expect(await failureOf(callerOf("eve"))).to.include({ code: "unauthenticated" });
  });
});
