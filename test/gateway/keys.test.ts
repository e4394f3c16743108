import { expect } from "chai";
import { decodeProtectedHeader } from "jose";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { createGateway } from "../../src/gateway/index.js";
import { KEY_AGE_MIN_MS } from "../../src/machine/cluster-keys.js";
import { rotateKeys } from "../../src/node/rotate-keys.js";
import { eventually } from "../support/eventually.js";
import { GatewayBench, PASSWORD } from "./support.js";

const LOGIN = { userId: "ana", password: PASSWORD };

describe("keys that are rotated", () => {
  let bench: GatewayBench;
  beforeEach(async () => {
    bench = await GatewayBench.open({ keysLookMs: 5 });
    await bench.person("ana");
  });
  afterEach(() => bench.gateway.close());

  /** As an operator does it, on a node. */
  const rotate = () => {
    const { shards } = bench;
    return rotateKeys({ options: { shards, rangeMap: shards.rangeMap } });
  };
  const known = () => bench.gateway.jwks().keys.map(({ kid }) => kid);
  const login = async () => (await bench.call(AuthService.method.login, LOGIN)).accessToken;
  const isTaken = (token: string) =>
    bench.call(UserService.method.getUser, { name: "users/ana" }, token).then(
      () => true,
      () => false,
    );

  it("wait until every door knows the next one", async () => {
    const refusal = await rotate().catch(String);
    expect(refusal).to.contain("rotated less than 10 minutes ago");
  });

  it("sign with the one that was next, and what was signed before holds until it ends", async () => {
    const [first, second] = known();
    bench.clock.aheadMs += KEY_AGE_MIN_MS;
    const before = await login();
    const { currentKeyId, nextKeyId: third } = await rotate();
    expect(currentKeyId).to.equal(second);
    await eventually(() => known().length === 3);
    expect(known()).to.have.members([first, second, third]);
    const after = await login();
    expect([before, after].map((token) => decodeProtectedHeader(token).kid)).to.deep.equal([
      first,
      second,
    ]);
    expect([await isTaken(before), await isTaken(after)]).to.deep.equal([true, true]);
  });

  it("are believed by a door that has not heard of it yet", async () => {
    const { shards, clock } = bench;
    const late = createGateway({ shards, clock, clusterId: "01test" });
    await late.ready();
    bench.clock.aheadMs += KEY_AGE_MIN_MS;
    const { currentKeyId } = await rotate();
    await eventually(() => known().length === 3);
    const token = await login();
    expect(decodeProtectedHeader(token).kid).to.equal(currentKeyId);
    expect((await late.authenticate(token)).caller).to.include({ user: "ana" });
    late.close();
  });

  it("are rotated by a door when they have signed for a month", async () => {
    const [, second] = known();
    bench.clock.aheadMs += 30 * 86_400_000;
    await eventually(() => known().length === 3);
    expect(decodeProtectedHeader(await login()).kid).to.equal(second);
  });

  it("are gone after the second time, and after the third the one that was next with it", async () => {
    const [first, second] = known();
    const left: (readonly unknown[])[] = [];
    for (let time = 1; time <= 3; time += 1) {
      bench.clock.aheadMs += KEY_AGE_MIN_MS;
      const { nextKeyId } = await rotate();
      await eventually(() => known().includes(nextKeyId));
      left.push(known().filter((kid) => kid === first || kid === second));
    }
    expect(left).to.deep.equal([[second, first], [second], []]);
  });
});
