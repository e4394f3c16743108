import { expect } from "chai";
import { SubscriptionService } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { failureOf, GatewayBench } from "./support.js";

const { getSubscriptions, updateSubscriptions } = SubscriptionService.method;

describe("the channels that a user chose, at the gateway", function () {
  this.timeout(30_000);
  const name = "users/ana/subscriptions";
  let bench: GatewayBench;
  let ana: string;

  beforeEach(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
  });

  it("are read as they were written, with or without a mask", async () => {
    const channels = ["users/ana", "calendars/ana.work", "groups/choir", "cluster"];
    const written = await bench.call(
      updateSubscriptions,
      { subscriptions: { name, channels } },
      ana,
    );
    expect(written).to.deep.include({ name, channels });
    expect(await bench.call(getSubscriptions, { name }, ana)).to.deep.equal(written);
    const updateMask = { paths: ["channels"] };
    const none = { subscriptions: { name, channels: [], etag: written.etag }, updateMask };
    expect((await bench.call(updateSubscriptions, none, ana)).channels).to.deep.equal([]);
    expect(await failureOf(bench.call(updateSubscriptions, none, ana))).to.include({
      code: "stale-etag",
    });
  });

  it("change nothing where one only asks whether they could", async () => {
    const subscriptions = { name, channels: ["groups/choir"] };
    const shown = await bench.call(updateSubscriptions, { subscriptions, validateOnly: true }, ana);
    expect(shown.channels).to.deep.equal(["groups/choir"]);
    expect((await bench.call(getSubscriptions, { name }, ana)).channels).to.deep.equal([]);
  });

  it("are names of channels, each once, and the fault says which is not", async () => {
    const choose = (channels: string[]) =>
      failureOf(bench.call(updateSubscriptions, { subscriptions: { name, channels } }, ana));
    const failure = await choose(["groups/choir", "groups/choir/members/ana"]);
    expect(failure).to.include({ code: "invalid-argument" });
    expect(failure.details.violations?.[0]?.field).to.equal("subscriptions.channels[1]");
    expect(await choose(["groups/choir", "groups/choir"])).to.include({ code: "invalid-argument" });
  });

  it("are told to a fan-out with the revision that their change in the feed has", async () => {
    const { caller } = await bench.gateway.authenticate(ana);
    const none = await bench.gateway.chosenChannels(caller);
    expect(none).to.deep.include({ channels: [], revision: 0 });
    const subscriptions = { name, channels: ["groups/choir"] };
    const { etag } = await bench.call(updateSubscriptions, { subscriptions }, ana);
    const { channels, revision } = await bench.gateway.chosenChannels(caller);
    expect(channels).to.deep.equal(["groups/choir"]);
    expect(etag).to.equal(`"r${revision}"`);
  });

  it("of another user are not there", async () => {
    const eve = (await bench.person("eve")).accessToken;
    const read = bench.call(getSubscriptions, { name }, eve);
    expect(await failureOf(read)).to.include({ code: "not-found" });
    const write = bench.call(updateSubscriptions, { subscriptions: { name, channels: [] } }, eve);
    expect(await failureOf(write)).to.include({ code: "not-found" });
  });
});
