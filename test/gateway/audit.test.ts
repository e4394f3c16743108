import { expect } from "chai";
import { AuditService } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { eventually } from "../support/eventually.js";
import { BOOTSTRAP, failureOf, GatewayBench, PASSWORD } from "./support.js";

describe("the audit trail at the public door", () => {
  let bench: GatewayBench;
  let admin: string;
  let ana: string;
  before(async () => {
    bench = new GatewayBench();
    await bench.gateway.ready();
    await bench.call(AuthService.method.register, {
      userId: "root",
      password: PASSWORD,
      bootstrapCredential: BOOTSTRAP,
    });
    const login = { userId: "root", password: PASSWORD };
    admin = (await bench.call(AuthService.method.login, login)).accessToken;
    ana = (await bench.person("ana")).accessToken;
  });
  after(() => bench.gateway.close());

  const list = async (request: object, token = admin) =>
    bench.call(AuditService.method.listAuditEntries, request, token);

  it("tells administrators who logged in, and from where", async () => {
    const { entries } = await list({ shard: "users", subject: "users/ana" });
    expect(entries.map(({ action, origin, decision }) => [action, origin, decision])).deep.equals([
      ["auth.login", "127.0.0.1", "allow"],
    ]);
  });

  it("tells others nothing, and keeps that they asked", async () => {
    expect((await failureOf(list({ shard: "users" }, ana))).code).equals("permission-denied");
    const [refusal] = await eventually(async () => {
      const { entries } = await list({ shard: "system", action: "audit.list" });
      return entries.length > 0 && entries;
    });
    expect(refusal).to.include({
      subject: "users/ana",
      object: "users",
      decision: "permission-denied",
      origin: "127.0.0.1",
    });
  });

  it("keeps what was tried without a right to it", async () => {
    const disable = bench.call(UserService.method.disableUser, { name: "users/root" }, ana);
    expect((await failureOf(disable)).code).equals("permission-denied");
    const foreign = bench.call(
      UserService.method.revokeSession,
      { name: "users/root/sessions/s1" },
      ana,
    );
    expect((await failureOf(foreign)).code).equals("not-found");
    await eventually(async () => {
      const { entries } = await list({ shard: "system", subject: "users/ana" });
      const tried = entries.map(({ action, object }) => `${action} ${object}`);
      return (
        tried.includes("user.disable users/root") &&
        tried.includes("session.revoke users/root/sessions/s1")
      );
    });
  });

  it("keeps who was not heard because of too many guesses", async () => {
    const guess = { userId: "nobody", password: "a guess" };
    for (let n = 0; n < 11; n++) await failureOf(bench.call(AuthService.method.login, guess));
    await eventually(async () => {
      const { entries } = await list({ shard: "system", action: "auth.login" });
      return entries.some(
        ({ object, decision }) => object === "users/nobody" && decision === "overloaded",
      );
    });
  });

  it("is read in pages that are good for one reader alone", async () => {
    const first = await list({ shard: "users", pageSize: 1 });
    expect(first.entries).to.have.length(1);
    const second = await list({ shard: "users", pageSize: 1, pageToken: first.nextPageToken });
    expect(second.entries.map(({ number }) => number)).deep.equals([2n]);
    const other = list({ shard: "groups", pageSize: 1, pageToken: first.nextPageToken });
    expect((await failureOf(other)).code).equals("invalid-argument");
  });
});
