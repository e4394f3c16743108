import { expect } from "chai";
import { LiveSubscriber } from "../support/live-subscriber.js";
import type { Push } from "../support/live-subscriber.js";
import { RetryingWriter } from "../support/retrying-writer.js";
import { UpCluster } from "../support/up-cluster.js";
import type { Person } from "../support/up-cluster.js";
import { eventually } from "../support/eventually.js";

const PEOPLE = ["ana", "mario", "nora", "zoe"];
const COMPACT_ROUNDS = 20;
const SEED_ROUNDS = 4;

interface Story {
  readonly cluster: UpCluster;
  readonly people: readonly Person[];
  readonly writers: readonly RetryingWriter[];
  readonly subscribers: readonly LiveSubscriber[];
}

describe("a cluster whose nodes are killed while people write and listen", function () {
  this.timeout(600_000);

  describe("with every shard on each of three nodes", () => {
    it(`loses nothing, repeats nothing and refuses nothing over ${COMPACT_ROUNDS} kills`, async () => {
      const story = await begin(await UpCluster.start({ layout: "compact" }));
      try {
        for (let round = 0; round < COMPACT_ROUNDS; round++) {
          const status = await story.cluster.healthy();
          const leaders = new Set(status.shards.map(({ leader }) => leader));
          const nodes = story.cluster.current().nodes.map(({ name }) => name);
          // Every second round a node that leads something dies; else one that leads least.
          const victim =
            round % 2 === 0
              ? [...leaders][round % leaders.size]
              : (nodes.find((name) => !leaders.has(name)) ?? nodes[round % nodes.length]);
          await story.cluster.kill(victim ?? "node-1");
        }
        await conclude(story);
      } finally {
        await end(story);
      }
    });
  });

  describe("with one replica a node", () => {
    it(`survives the death of one node of every shard at once, ${SEED_ROUNDS} times`, async () => {
      const story = await begin(await UpCluster.start({ layout: "seed" }));
      try {
        for (let round = 0; round < SEED_ROUNDS; round++) {
          const status = await story.cluster.healthy();
          const victims = status.shards
            .filter(({ name }) => name !== "system")
            .map(({ name, leader }) =>
              round % 2 === 0 ? leader : followerOf(name, leader, round),
            );
          await Promise.all(victims.map((name) => story.cluster.kill(name)));
        }
        await conclude(story);
      } finally {
        await end(story);
      }
    });
  });
});

function followerOf(shard: string, leader: string, round: number): string {
  const followers = [1, 2, 3].map((n) => `${shard}-${n}`).filter((name) => name !== leader);
  return followers[round % followers.length] ?? leader;
}

async function begin(cluster: UpCluster): Promise<Story> {
  const people: Person[] = [];
  for (const user of PEOPLE) people.push(await cluster.person(user));
  const subscribers = people.map(
    ({ user, accessToken }) =>
      new LiveSubscriber({
        urls: cluster.ready.wsss,
        ca: cluster.ca,
        token: accessToken,
        channels: [`calendars/${user}`],
      }),
  );
  await Promise.all(subscribers.map(({ subscribed }) => subscribed));
  const writers = people.map((person) => new RetryingWriter(person, person.user));
  for (const writer of writers) writer.start();
  return { cluster, people, writers, subscribers };
}

async function end({ cluster, writers, subscribers }: Story): Promise<void> {
  await Promise.all(writers.map((writer) => writer.stop()));
  for (const subscriber of subscribers) subscriber.close();
  await cluster.stop();
}

async function conclude(story: Story): Promise<void> {
  const { cluster, people, writers, subscribers } = story;
  await cluster.healthy();
  await Promise.all(writers.map((writer) => writer.stop()));
  const count = writers.reduce((sum, { written }) => sum + written.length, 0);
  const longest = Math.max(...writers.map(({ longestWaitMs }) => longestWaitMs));
  const retries = writers.reduce((sum, writer) => sum + writer.retries, 0);
  console.log(
    `      ${count} events written, longest wait ${longest.toFixed(0)} ms, ${retries} client retries`,
  );
  expect(writers.flatMap(({ failures }) => failures.slice(0, 3))).to.deep.equal([]);
  for (const [i, person] of people.entries()) {
    const written = writers[i]?.written ?? [];
    const stored = await listTitles(person);
    const acknowledged = written.map(({ title }) => title);
    expect([...stored].sort(), "what is stored").to.deep.equal([...acknowledged].sort());
    const subscriber = subscribers[i];
    expect(subscriber).to.not.equal(undefined);
    if (subscriber === undefined) return;
    await eventually(() => subscriber.pushes.length >= written.length, {
      timeoutMs: 30_000,
      what: `all ${written.length} changes to reach ${person.user}`,
    });
    expect(subscriber.problems).to.deep.equal([]);
    expect(titlesOf(subscriber.pushes), "what was pushed, in order").to.deep.equal(acknowledged);
    expectInOrder(subscriber.pushes);
  }
}

function titlesOf(pushes: readonly Push[]): string[] {
  return pushes.map(({ change }) => change.event?.title ?? "");
}

function expectInOrder(pushes: readonly Push[]): void {
  let last = 0n;
  for (const { change } of pushes) {
    const sequence = BigInt(change.sequence);
    expect(sequence > last, `sequence ${sequence} after ${last}`).to.equal(true);
    last = sequence;
  }
}

async function listTitles(person: Person): Promise<string[]> {
  const titles: string[] = [];
  let pageToken = "";
  do {
    const page = await person.events.listEvents({
      parent: `calendars/${person.user}`,
      pageSize: 1000,
      pageToken,
    });
    titles.push(...page.events.map(({ title }) => title));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return titles;
}
