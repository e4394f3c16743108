import { expect } from "chai";
import { RouteService } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { BOOTSTRAP, failureOf, GatewayBench, PASSWORD } from "./support.js";

describe("the routes at the public door", () => {
  let bench: GatewayBench;
  let admin: string;
  let ana: string;

  before(async () => {
    bench = await GatewayBench.open();
    const root = { userId: "root", password: PASSWORD };
    await bench.call(AuthService.method.register, { ...root, bootstrapCredential: BOOTSTRAP });
    admin = (await bench.call(AuthService.method.login, root)).accessToken;
    ana = (await bench.person("ana")).accessToken;
  });
  after(() => bench.gateway.close());

  const explain = (name: string, token = admin) =>
    bench.call(RouteService.method.explainRoute, { name }, token);

  it("tell operators the shard of a name, its leader, and by which map", async () => {
    bench.shards.leaders.set(2, "node-3");
    const expected = { shard: "events-nz", leader: "node-3", rangeVersion: 1n };
    expect(await explain("calendars/zoe.work/events/e1")).to.deep.include(expected);
    expect(await explain("calendars/ana")).to.deep.include({ shard: "events-am", leader: "" });
    expect(await explain("cluster/keys")).to.deep.include({ shard: "system" });
  });

  it("are none of others' business", async () => {
    expect((await failureOf(explain("calendars/ana", ana))).code).to.equal("permission-denied");
  });

  it("know what is no name", async () => {
    const { code, details } = await failureOf(explain("nonsense"));
    expect(code).to.equal("invalid-argument");
    expect(details.violations?.map(({ field }) => field)).to.deep.equal(["name"]);
  });
});
