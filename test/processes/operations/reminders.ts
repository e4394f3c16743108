import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { eventually } from "../../support/eventually.js";
import { LiveSubscriber } from "../../support/live-subscriber.js";
import type { UpCluster } from "../../support/up-cluster.js";

const EVENTS = 30;
/** From the first that is due to the last. */
const SPREAD_MS = 6_000;
const LEAD_MS = 12_000;
const BATCH = 10;

export function remindersWhileLeadersDie(running: () => UpCluster): void {
  describe("reminders, in a running cluster", function () {
    this.timeout(120_000);
    let cluster: UpCluster;

    before(() => {
      cluster = running();
    });

    it("are kept and pushed once each, although who leads is killed while they are due", async () => {
      const amy = await cluster.person("amy");
      const subscriber = new LiveSubscriber({
        urls: cluster.ready.wsss,
        ca: cluster.ca,
        token: amy.accessToken,
        channels: ["users/amy"],
      });
      await subscriber.subscribed;
      const { shards } = await cluster.healthy();
      const leader = shards.find(({ name }) => name === "events-am")?.leader ?? "node-1";
      const firstMs = Date.now() + LEAD_MS;
      const names: string[] = [];
      for (let made = 0; made < EVENTS; made += BATCH) {
        const requests = Array.from({ length: BATCH }, (_, i) => {
          const startMs = firstMs + ((made + i) * SPREAD_MS) / EVENTS;
          const [startTime, endTime] = [startMs, startMs + 60_000].map(timestampFromMs);
          const span = { case: "timed" as const, value: { startTime, endTime } };
          const event = { title: `due ${made + i}`, span, reminders: [{ minutesBefore: 0 }] };
          return { parent: "calendars/amy", event };
        });
        const batch = await amy.events.batchCreateEvents({ parent: "calendars/amy", requests });
        names.push(...batch.events.map(({ name }) => name));
      }
      const told = (): readonly string[] =>
        subscriber.pushes.flatMap(({ change: { kind, notification } }) =>
          kind === "CHANGE_KIND_CREATED" && notification?.type === "reminder"
            ? [notification.subject]
            : [],
        );
      await eventually(() => told().length > 0, { what: "the first reminder" });
      await cluster.kill(leader);
      expect(told().length).to.be.lessThan(EVENTS);
      await eventually(() => told().length >= EVENTS, {
        timeoutMs: 40_000,
        what: `all ${EVENTS} reminders`,
      });
      await cluster.healthy();
      const kept = await amy.notifications.listNotifications({
        parent: "users/amy",
        pageSize: 1_000,
      });
      const subjects = kept.notifications.map(({ subject }) => subject);
      expect([...subjects].sort()).to.deep.equal([...names].sort());
      expect([...told()].sort()).to.deep.equal([...names].sort());
      subscriber.close();
    });
  });
}
