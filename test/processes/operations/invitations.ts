import { expect } from "chai";
import { eventually } from "../../support/eventually.js";
import { LiveSubscriber } from "../../support/live-subscriber.js";
import { RetryingWriter } from "../../support/retrying-writer.js";
import type { Written } from "../../support/retrying-writer.js";
import type { UpCluster } from "../../support/up-cluster.js";

const KILLS = ["events-am", "events-nz"];
const EVENTS_BETWEEN_KILLS = 40;

export function invitationsBetweenShards(running: () => UpCluster): void {
  describe("invitations from one shard to the other, in a running cluster", function () {
    this.timeout(180_000);
    let cluster: UpCluster;

    before(() => {
      cluster = running();
    });

    it("all arrive, each once, although who leads the one shard and then the other is killed", async () => {
      const alma = await cluster.person("alma");
      const zack = await cluster.person("zack");
      const writers = [
        new RetryingWriter(alma, "alma", ["users/zack"]),
        new RetryingWriter(zack, "zack", ["users/alma"]),
      ];
      const subscribers = [zack, alma].map(({ user, accessToken: token }) => {
        const channels = [`calendars/${user}`];
        return new LiveSubscriber({ urls: cluster.ready.wsss, ca: cluster.ca, token, channels });
      });
      await Promise.all(subscribers.map(({ subscribed }) => subscribed));
      for (const writer of writers) writer.start();
      for (const shard of KILLS) {
        const before = writers.map(({ written }) => written.length);
        const goesOn = (): boolean =>
          writers.every(
            ({ written }, i) => written.length >= (before[i] ?? 0) + EVENTS_BETWEEN_KILLS,
          );
        await eventually(goesOn, { what: "events to be written" });
        const { shards } = await cluster.healthy();
        await cluster.kill(shards.find(({ name }) => name === shard)?.leader ?? "node-1");
      }
      await cluster.healthy();
      await Promise.all(writers.map((writer) => writer.stop()));
      expect(writers.flatMap(({ failures }) => failures.slice(0, 3))).to.deep.equal([]);

      for (const [i, { written }] of writers.entries()) {
        const subscriber = subscribers[i];
        if (subscriber === undefined) throw new Error("no subscriber");
        const expected = written.map((event) => copyOf(event, i === 0 ? "zack" : "alma")).sort();
        const arrived = (): readonly string[] =>
          subscriber.pushes
            .filter(({ change }) => change.kind === "CHANGE_KIND_CREATED")
            .map(({ change }) => change.resourceName)
            .filter((name) => expected.includes(name));
        await eventually(() => arrived().length >= expected.length, {
          timeoutMs: 30_000,
          what: `all ${expected.length} invitations to arrive`,
        });
        expect([...arrived()].sort()).to.deep.equal(expected);
      }
      for (const subscriber of subscribers) subscriber.close();
      console.log(
        `      ${writers.map(({ written }) => written.length).join(" and ")} invitations`,
      );
    });
  });
}

/** The name of what an attendee has of an event. */
function copyOf({ name, calendar }: Written, user: string): string {
  return name.replace(`calendars/${calendar}/`, `calendars/${user}/`);
}
