import { Code, ConnectError } from "@connectrpc/connect";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { UpCluster } from "../support/up-cluster.js";
import type { Person } from "../support/up-cluster.js";

const OLD = { headers: { "cabildo-max-staleness": "60s" } };
const PARENT = { parent: "calendars/nora" };

describe("a cluster of which one node is left", function () {
  this.timeout(120_000);
  let cluster: UpCluster;
  let nora: Person;

  before(async () => {
    cluster = await UpCluster.start({ extra: ["--no-restart"] });
    nora = await cluster.person("nora");
  });

  after(() => cluster.stop());

  it("goes on answering reads that may be old, and no others", async () => {
    const startMs = Date.now() + 3_600_000;
    const { name, position } = await nora.events.createEvent({
      ...PARENT,
      event: {
        title: "Before",
        span: {
          case: "timed",
          value: {
            startTime: timestampFromMs(startMs),
            endTime: timestampFromMs(startMs + 3_600_000),
          },
        },
      },
    });
    const list = async (options = {}) =>
      (await nora.events.listEvents({ ...PARENT, position }, options)).events.map((e) => e.name);
    // Each replica learns how old it is when it is asked, and is asked only where it is reached.
    const { shards } = await cluster.healthy();
    const all = await Promise.all(Array.from({ length: 12 }, () => list(OLD)));
    for (const names of all) expect(names).to.deep.equal([name]);

    const leader = shards.find((shard) => shard.name === "events-nz")?.leader ?? "";
    const others = cluster.ready.nodes.map((node) => node.name).filter((n) => n !== leader);
    await cluster.kill(leader);
    await cluster.kill(others[0] ?? "");

    for (let n = 0; n < 20; n++) expect(await list(OLD)).to.deep.equal([name]);
    const refused = await list({ timeoutMs: 1000 }).catch((cause: unknown) => cause);
    expect(ConnectError.from(refused).code).to.equal(Code.DeadlineExceeded);
    expect(await list(OLD)).to.deep.equal([name]);
  });
});
