import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { expect } from "chai";
import { MemberRole } from "../../../gen/cabildo/v1/groups_pb.js";
import { probeNativeTransport } from "../../../src/fanout/index.js";
import { LiveClient, channelsOf } from "../../fanout/support/live-client.js";
import { eventually } from "../../support/eventually.js";
import type { Person, UpCluster } from "../../support/up-cluster.js";

const HERD = 6;

export function liveChannels(running: () => UpCluster, log: readonly string[]): void {
  describe("the live channels of a running cluster", function () {
    this.timeout(120_000);
    let cluster: UpCluster;
    let livia: Person;
    const clients: LiveClient[] = [];

    before(async () => {
      cluster = running();
      livia = await cluster.person("livia");
    });
    afterEach(() => {
      for (const client of clients.splice(0)) client.close();
    });

    const connect = async (person: Person, url = cluster.ready.wss): Promise<LiveClient> => {
      const client = await LiveClient.with(person.accessToken, url, cluster.ca);
      clients.push(client);
      return client;
    };
    const write = (title: string) =>
      livia.events.createEvent({
        parent: "calendars/livia",
        event: {
          title,
          span: {
            case: "timed",
            value: { startTime: { seconds: 1_900_000_000n }, endTime: { seconds: 1_900_003_600n } },
          },
        },
      });
    /** Of a title that is the first thing which a stream of the public door tells after a place. */
    const placeOf = async (title: string, after: string): Promise<string> => {
      const headers = { authorization: `Bearer ${livia.accessToken}`, "last-event-id": after };
      const call = get(`${cluster.ready.api}/v1/calendars/livia:watch`, {
        ca: cluster.ca,
        headers,
      });
      const [response] = (await once(call, "response")) as [IncomingMessage];
      let text = "";
      for await (const bytes of response) {
        text += String(bytes);
        const told = text
          .split("\n\n")
          .slice(0, -1)
          .find((event) => event.includes('"title"'));
        if (told === undefined) continue;
        call.destroy();
        expect(told).to.contain(`"${title}"`);
        return /^id: ?(.+)$/mu.exec(told)?.[1] ?? "";
      }
      throw new Error(`the stream ended: ${text}`);
    };
    const metricsOf = async (kind: string): Promise<string> => {
      const urls = cluster.ready.metrics.filter(({ name }) => name.startsWith(kind));
      const texts = await Promise.all(urls.map(async ({ url }) => (await fetch(url)).text()));
      return texts.join("");
    };

    it("name the library that serves them in the ready line, the log and a metric", async () => {
      const transport = (await probeNativeTransport()).native ? "uws" : "ws";
      expect(cluster.ready.fanouts.map((fanout) => fanout.transport)).to.deep.equal([
        transport,
        transport,
      ]);
      expect(await metricsOf("fanout")).to.contain(
        `cabildo_ws_transport{transport="${transport}"} 1`,
      );
      const said = log.find((line) => line.includes("fanout-1") && line.includes(" listening "));
      expect(said).to.contain(`transport=${transport}`);
    });

    it("go on at the public door from a place on the socket, and the other way round", async () => {
      const socket = await connect(livia);
      const calendar = { channels: ["calendars/livia"] };
      const begun = await socket.ask({ subscribe: calendar });
      await write("first");
      const [first] = await socket.pushed(1);
      await write("second");
      const second = await placeOf("second", first?.position ?? "");
      await write("third");
      const again = await connect(livia, cluster.ready.wsss[1]);
      const since = [String(channelsOf(begun)[0]?.["position"]), second];
      const answer = await again.ask({ subscribe: { ...calendar, since } });
      expect(channelsOf(answer)[0]).to.include({ recovered: true });
      expect((await again.pushed(1)).map(({ title }) => title)).to.deep.equal(["third"]);
    });

    it("say how long the end of a right took to reach the shards of calendars", async () => {
      await cluster.person("milo");
      const group = { displayName: "Band" };
      const { name: parent } = await livia.groups.createGroup({ groupId: "band", group });
      const member = { user: "users/milo", role: MemberRole.MEMBER, rank: 1 };
      const { name } = await livia.groups.addMember({ parent, member });
      const before = observed(await metricsOf("node"));
      await livia.groups.removeMember({ name });
      await eventually(async () => observed(await metricsOf("node")) > before, {
        what: "the end of the right to be measured",
      });
    });

    it("tell clients of a server that stops when to come back, each at another time", async () => {
      const [stopping, other] = cluster.current().fanouts;
      const herd = await Promise.all(
        Array.from({ length: HERD }, () => connect(livia, stopping?.url)),
      );
      const calendar = { channels: ["calendars/livia"] };
      await Promise.all(herd.map((client) => client.ask({ subscribe: calendar })));
      await cluster.kill(stopping?.name ?? "", "SIGTERM");
      const goodbyes = await Promise.all(herd.map((client) => client.disconnect()));
      for (const goodbye of goodbyes) expect(goodbye).to.include({ code: 4000 });
      const delays = new Set(goodbyes.map((goodbye) => goodbye["retry_after_ms"]));
      expect(delays.size).to.be.greaterThan(1);
      expect(await Promise.all(herd.map((client) => client.closed()))).to.deep.equal(
        herd.map(() => 4000),
      );
      await write("meanwhile");
      const again = await connect(livia, other?.url);
      const since = [goodbyes[0]?.["position"]];
      await again.ask({ subscribe: { ...calendar, since } });
      expect((await again.pushed(1))[0]).to.include({ title: "meanwhile" });
      await eventually(
        () =>
          cluster
            .current()
            .fanouts.some(({ name, pid }) => name === stopping?.name && pid !== stopping.pid),
        { what: "the server to run again" },
      );
    });
  });
}

/** How often the time of a right's end was measured, on all nodes. */
function observed(metrics: string): number {
  const counts = metrics.matchAll(/^cabildo_rights_cut_seconds_count\{[^}]*\} (\d+)$/gmu);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
