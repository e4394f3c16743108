import { readClusterFile } from "../../src/main/cluster-file.js";
import path from "node:path";
import { SeededRandom } from "../raft/seeded-random.js";
import { eventually } from "../support/eventually.js";
import { RetryingWriter } from "../support/retrying-writer.js";
import { UpCluster } from "../support/up-cluster.js";
import type { Person } from "../support/up-cluster.js";
import { Nemesis } from "./nemesis.js";
import { SoakSubscriber } from "./subscriber.js";
import type { Manner } from "./subscriber.js";
import { readTruth } from "./truth.js";
import { judge } from "./verdict.js";

export interface SoakOptions {
  readonly seconds: number;
  readonly subscribers: number;
  readonly seed: number;
}

export interface SoakResult {
  readonly faults: readonly string[];
  readonly changes: number;
  readonly deliveries: number;
  readonly connections: number;
  readonly rightsEnded: number;
  readonly strikes: ReadonlyMap<string, number>;
  readonly closes: ReadonlyMap<number, number>;
}

const PEOPLE = ["ana", "mario", "nora", "zoe"] as const;
const MANNERS: readonly Manner[] = ["steady", "slow", "stalling", "dropping"];
const GROUP = "choir";
const GROUP_CALENDAR = `calendars/${GROUP}.group`;
const GUEST = "zoe";
const TOKEN_MS = 120_000;
const CALM_MS = 2_000;
const SETTLE_MS = 90_000;
/** Every so many subscribers hear a group that their user is let into and put out of, or its calendar. */
const REVOCABLE_EVERY = 5;

/**
 * A cluster of real processes under writers on all shards, killed and paused at random, and subscribers of every manner; at
 * the end each of them is compared with the log.
 */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const random = new SeededRandom(options.seed);
  const limits = ["--connections-per-user=100000", "--connections-per-address=100000"];
  const cluster = await UpCluster.start({
    extra: [
      ...["--fanouts", "2", "--coordinators", "2"],
      ...limits.map((limit) => `--fanout-flag=${limit}`),
    ],
  });
  const subscribers: SoakSubscriber[] = [];
  try {
    const people = await Promise.all(PEOPLE.map((user) => cluster.person(user)));
    const [ana] = people;
    if (ana === undefined) throw new Error("nobody is there");
    await ana.groups.createGroup({ groupId: GROUP, group: { displayName: "choir" } });
    const guests = new GuestList(ana);
    await guests.letIn();
    const tokens = new Map(people.map((person) => [person.user, new Tokens(person)]));
    subscribers.push(...open(cluster, tokens, options, random));
    await eventually(() => subscribers.every(({ isJoined }) => isJoined), {
      timeoutMs: SETTLE_MS,
      what: "all subscriptions",
    });
    const writers = [
      ...people.map((person) => new RetryingWriter(person, person.user)),
      new RetryingWriter(ana, `${GROUP}.group`),
    ];
    for (const writer of writers) writer.start();
    const stop = new AbortController();
    const changing = [guests.run(stop.signal), renameOften(ana, stop.signal)];
    const nemesis = new Nemesis(cluster, () => random.next());
    const endMs = performance.now() + options.seconds * 1000;
    while (performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, CALM_MS * random.next()));
      await nemesis.strike();
      // Writers use them too.
      await Promise.allSettled([...tokens.values()].map((token) => token.get()));
    }
    stop.abort();
    await Promise.all([...writers.map((writer) => writer.stop()), ...changing]);
    await guests.letIn();
    for (const subscriber of subscribers) subscriber.calm();
    await cluster.healthy();
    return await conclude(cluster, subscribers, nemesis, guests);
  } finally {
    for (const subscriber of subscribers) subscriber.close();
    await cluster.stop();
  }
}

function open(
  cluster: UpCluster,
  tokens: ReadonlyMap<string, Tokens>,
  { subscribers }: SoakOptions,
  random: SeededRandom,
): readonly SoakSubscriber[] {
  return Array.from({ length: subscribers }, (_, i) => {
    const isRevocable = i % REVOCABLE_EVERY === 0;
    const user = isRevocable ? GUEST : (PEOPLE[i % PEOPLE.length] ?? GUEST);
    const own = [`calendars/${user}`, `users/${user}`];
    const chosen = own.filter(() => random.next() < 0.7);
    const revocable = i % (2 * REVOCABLE_EVERY) === 0 ? `groups/${GROUP}` : GROUP_CALENDAR;
    const channels = isRevocable ? [revocable] : chosen.length === 0 ? own : chosen;
    if (user === "ana" && !isRevocable) {
      if (random.next() < 0.5) channels.push(`groups/${GROUP}`);
      if (random.next() < 0.5) channels.push(GROUP_CALENDAR);
    }
    const manner = MANNERS[random.between(0, MANNERS.length - 1)] ?? "steady";
    return new SoakSubscriber({
      user,
      urls: cluster.ready.wsss,
      ca: cluster.ca,
      channels,
      manner,
      isRevocable,
      group: GROUP,
      random: () => random.next(),
      token: async () => (await tokens.get(user)?.get()) ?? "",
    });
  });
}

async function conclude(
  cluster: UpCluster,
  subscribers: readonly SoakSubscriber[],
  nemesis: Nemesis,
  guests: GuestList,
): Promise<SoakResult> {
  let truth = await readTruth(cluster);
  const file = await readClusterFile(path.join(cluster.ready.dataDir, "cluster.json"));
  const numbers = new Map(file.rangeMap.shards.map(({ name, number }) => [name, number]));
  const faultsOf = (): readonly string[] =>
    subscribers.flatMap((subscriber) => judge(subscriber, truth, numbers));
  // What is on its way may come, to subscribers and to the replica that was asked; whatever is wrong then stays wrong.
  const isFine = async (): Promise<boolean> => {
    if (faultsOf().length === 0) return true;
    truth = await readTruth(cluster);
    return false;
  };
  await eventually(isFine, { timeoutMs: SETTLE_MS }).catch(() => undefined);
  const closes = new Map<number, number>();
  for (const subscriber of subscribers) {
    for (const [code, count] of subscriber.closes) {
      closes.set(code, (closes.get(code) ?? 0) + count);
    }
  }
  const sum = (count: (subscriber: SoakSubscriber) => number): number =>
    subscribers.reduce((total, subscriber) => total + count(subscriber), 0);
  return {
    faults: faultsOf(),
    changes: [...truth.values()].reduce((total, changes) => total + changes.length, 0),
    deliveries: sum(({ heard }) => heard.length),
    connections: sum(({ connections }) => connections),
    rightsEnded: guests.ended,
    strikes: nemesis.done,
    closes,
  };
}

/** Lets a user into the group and puts the user out again, without end. */
class GuestList {
  ended = 0;
  readonly #leader: Person;

  constructor(leader: Person) {
    this.#leader = leader;
  }

  async letIn(): Promise<void> {
    const member = { user: `users/${GUEST}`, rank: 1 };
    await retry(
      () => this.#leader.groups.addMember({ parent: `groups/${GROUP}`, member }),
      "AlreadyExists",
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const name = `groups/${GROUP}/members/${GUEST}`;
    while (!signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, CALM_MS / 2));
      await retry(() => this.#leader.groups.removeMember({ name }), "NotFound");
      this.ended += 1;
      await new Promise((resolve) => setTimeout(resolve, CALM_MS / 4));
      await this.letIn();
    }
  }
}

async function renameOften({ groups }: Person, signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    const group = { name: `groups/${GROUP}`, displayName: `choir ${n}` };
    await retry(() => groups.updateGroup({ group, updateMask: { paths: ["display_name"] } }), "");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Until it is answered; `done` is the answer that says that an earlier try was. */
async function retry(call: () => Promise<unknown>, done: string): Promise<void> {
  await eventually(
    () =>
      call().then(
        () => true,
        (cause: unknown) => {
          const text = String(cause);
          if (done !== "" && text.includes(done === "NotFound" ? "not_found" : "already_exists")) {
            return true;
          }
          return /unavailable|deadline|resource_exhausted|aborted/iu.test(text)
            ? undefined
            : Promise.reject(cause instanceof Error ? cause : new Error(text));
        },
      ),
    { timeoutMs: SETTLE_MS, what: "an answer" },
  );
}

/** The access token of a person, renewed in time. */
class Tokens {
  readonly #person: Person;
  #token: string;
  #sinceMs = performance.now();
  #renewing: Promise<string> | undefined;

  constructor(person: Person) {
    this.#person = person;
    this.#token = person.accessToken;
  }

  async get(): Promise<string> {
    if (performance.now() - this.#sinceMs < TOKEN_MS) return this.#token;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return await this.#renewing;
  }

  async #renew(): Promise<string> {
    this.#token = await this.#person.renew();
    this.#sinceMs = performance.now();
    return this.#token;
  }
}
