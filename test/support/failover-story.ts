import { expect } from "chai";
import { eventually } from "./eventually.js";
import { LiveSubscriber } from "./live-subscriber.js";
import type { Push } from "./live-subscriber.js";
import { RetryingWriter } from "./retrying-writer.js";
import type { Person, UpCluster } from "./up-cluster.js";

const PEOPLE = ["ana", "mario", "nora", "zoe"];

/** People who write without end, and who listen to what they write. */
export interface Story {
  readonly cluster: UpCluster;
  readonly people: readonly Person[];
  readonly writers: readonly RetryingWriter[];
  readonly subscribers: readonly LiveSubscriber[];
}

/** Everyone begins to write and to listen. */
export async function begin(cluster: UpCluster): Promise<Story> {
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

export async function end({ cluster, writers, subscribers }: Story): Promise<void> {
  await Promise.all(writers.map((writer) => writer.stop()));
  for (const subscriber of subscribers) subscriber.close();
  await cluster.stop();
}

/** Nothing was refused, what was acknowledged is there once, and was heard once and in order. */
export async function conclude(story: Story): Promise<void> {
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

/** Of all events in somebody's own calendar. */
export async function listTitles(person: Person): Promise<string[]> {
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
