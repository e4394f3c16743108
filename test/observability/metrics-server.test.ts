import { networkInterfaces } from "node:os";
import { expect } from "chai";
import { createRegistry, Health, openMetricsServer } from "../../src/observability/index.js";
import type { MetricsServer } from "../../src/observability/index.js";

const registry = createRegistry({ name: "node-1", version: "1.2.3" });

describe("the metrics server of a process", () => {
  let server: MetricsServer;
  const health = new Health();
  let trouble: string | undefined;
  health.add("shards", () => trouble);

  before(async () => {
    server = await openMetricsServer({ host: "127.0.0.1", port: 0, registry, health });
  });
  after(() => server.close());
  beforeEach(() => {
    trouble = undefined;
  });

  it("shows which build runs", async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).to.contain('cabildo_build_info{process="node-1",version="1.2.3"');
    expect(text).to.contain("process_cpu_seconds_total");
  });

  it("says that it is alive", async () => {
    expect((await fetch(`${server.url}/livez`)).status).to.equal(200);
  });

  it("is ready when every check is content", async () => {
    const response = await fetch(`${server.url}/readyz`);
    expect(response.status).to.equal(200);
    expect(await response.json()).to.deep.equal({ ready: true, checks: { shards: "ok" } });
  });

  it("names what is in the way when it is not ready, and stays alive", async () => {
    trouble = "users has no leader";
    const response = await fetch(`${server.url}/readyz`);
    expect(response.status).to.equal(503);
    expect(await response.json()).to.deep.equal({
      ready: false,
      checks: { shards: "users has no leader" },
    });
    expect((await fetch(`${server.url}/livez`)).status).to.equal(200);
  });

  it("has nothing else to say", async () => {
    expect((await fetch(`${server.url}/`)).status).to.equal(404);
    expect((await fetch(`${server.url}/metrics`, { method: "POST" })).status).to.equal(405);
  });
});

describe("a metrics server without a certificate", () => {
  const refusal = async (host: string): Promise<string> => {
    try {
      const server = await openMetricsServer({ host, port: 0, registry, health: new Health() });
      await server.close();
      return "";
    } catch (cause) {
      return cause instanceof Error ? cause.message : String(cause);
    }
  };

  it("refuses every address", async () => {
    expect(await refusal("0.0.0.0")).to.contain("not served in clear on 0.0.0.0");
    expect(await refusal("::")).to.contain("not served in clear");
  });

  it("refuses the addresses that other machines reach", async function () {
    const outward = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .find(({ internal, family }) => !internal && family === "IPv4");
    if (outward === undefined) this.skip(); // this machine has loopback alone
    expect(await refusal(outward.address)).to.contain("give a certificate");
  });

  it("takes the names and addresses of this machine's loopback", async () => {
    expect(await refusal("localhost")).to.equal("");
    expect(await refusal("127.0.0.2")).to.equal("");
  });
});
