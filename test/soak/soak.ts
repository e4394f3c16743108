import { SeededRandom } from "../raft/seeded-random.js";
import { eventually } from "../support/eventually.js";
import { UpCluster } from "../support/up-cluster.js";
import { Nemesis } from "./nemesis.js";
import { NAMES, Scene, some } from "./scene.js";
import type { Toggle } from "./scene.js";
import { SoakSubscriber } from "./subscriber.js";
import type { Manner } from "./subscriber.js";
import { Tokens } from "./tokens.js";
import { readTruth } from "./truth.js";
import type { Truth } from "./truth.js";
import { judge, judgeWritten } from "./verdict.js";
import type { Acknowledged } from "./verdict.js";

export interface SoakOptions {
  readonly seconds: number;
  readonly subscribers: number;
  readonly seed: number;
}

export interface SoakResult {
  readonly faults: readonly string[];
  /** By shard: how many its log holds that were committed while subscribers heard it. */
  readonly changes: ReadonlyMap<string, number>;
  /** Writes of which their writer heard that they are done. */
  readonly acknowledged: number;
  readonly deliveries: number;
  readonly connections: number;
  /** Times that a right was given, and taken away again. */
  readonly rightsTaken: number;
  /** Of those whose right was taken: runs that were compared up to the last change before. */
  readonly cutsToTheLast: number;
  /** Times that a connection was told of another choice of its user. */
  readonly choicesFollowed: number;
  /** Deliveries by kind of channel. */
  readonly heardOn: ReadonlyMap<string, number>;
  readonly strikes: ReadonlyMap<string, number>;
  readonly closes: ReadonlyMap<number, number>;
}

const MANNERS: readonly Manner[] = ["steady", "slow", "stalling", "dropping"];
const CALM_MS = 2_000;
const SETTLE_MS = 90_000;
/** Every so many subscribers hear what their user is let into and put out of; so many others what their user chose. */
const REVOCABLE_EVERY = 5;
const RESTORED_EVERY = 7;

/**
 * A cluster of real processes under writers on all shards, killed and paused at random, and subscribers of every manner; at
 * the end each of them is compared with the log.
 */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const seeded = new SeededRandom(options.seed);
  const random = (): number => seeded.next();
  const limits = ["--connections-per-user=100000", "--connections-per-address=100000"];
  const cluster = await UpCluster.start({
    extra: [
      ...["--fanouts", "2", "--coordinators", "2"],
      ...limits.map((limit) => `--fanout-flag=${limit}`),
    ],
  });
  const subscribers: SoakSubscriber[] = [];
  try {
    const scene = await Scene.set(cluster, random);
    const tokens = new Map([...scene.people].map(([user, person]) => [user, new Tokens(person)]));
    subscribers.push(...open(cluster, scene, tokens, options, random));
    await eventually(() => subscribers.every(({ isJoined }) => isJoined), {
      timeoutMs: SETTLE_MS,
      what: "all subscriptions",
    });
    const before = await readTruth(cluster);
    const writers = scene.writers();
    for (const writer of writers) writer.start();
    const stop = new AbortController();
    const changing = [
      changeOften((n) => scene.change(n), stop.signal),
      changeOften((n) => scene.changeUsers(n), stop.signal),
      ...scene.toggles().map((toggle) => giveAndTake(toggle, stop.signal)),
    ];
    const nemesis = new Nemesis(cluster, random);
    const halfMs = options.seconds * 500;
    const strikeUntil = async (isOver: () => boolean): Promise<void> => {
      while (!isOver()) {
        await sleep(CALM_MS * random());
        await nemesis.strike();
        // Writers use them too.
        await Promise.allSettled([...tokens.values()].map((token) => token.get()));
      }
    };
    const startMs = performance.now();
    await strikeUntil(() => performance.now() > startMs + halfMs);
    await nemesis.strikeAll();
    const onceMoreMs = performance.now();
    await strikeUntil(() => performance.now() > onceMoreMs + halfMs && nemesis.hasDealtEach);
    stop.abort();
    await Promise.all(writers.map((writer) => writer.stop()));
    const taken = await Promise.all(changing);
    for (const { give } of scene.toggles()) await give();
    for (const subscriber of subscribers) subscriber.calm();
    await cluster.healthy();
    await eventually(() => subscribers.every(({ isJoined }) => isJoined), {
      timeoutMs: SETTLE_MS,
    }).catch(() => undefined);
    // Of this one each connection hears where it is.
    for (const user of NAMES) await scene.choose(user);
    const rightsTaken = taken.reduce((sum, times) => sum + times, 0);
    const written = [
      ...scene.renamed,
      ...writers.flatMap((writer) =>
        writer.written.map(({ calendar, title }) => ({ channel: `calendars/${calendar}`, title })),
      ),
    ];
    return {
      ...(await conclude(cluster, subscribers, before, written)),
      rightsTaken,
      acknowledged: written.length,
      strikes: nemesis.done,
    };
  } finally {
    for (const subscriber of subscribers) subscriber.close();
    await cluster.stop();
  }
}

function open(
  cluster: UpCluster,
  scene: Scene,
  tokens: ReadonlyMap<string, Tokens>,
  { subscribers }: SoakOptions,
  random: () => number,
): readonly SoakSubscriber[] {
  const users = [...scene.people.keys()];
  return Array.from({ length: subscribers }, (_, i) => {
    const isRevocable = i % REVOCABLE_EVERY === 0;
    const isRestored = !isRevocable && i % RESTORED_EVERY === 0;
    const [whose, revocable] =
      scene.revocable[(i / REVOCABLE_EVERY) % scene.revocable.length] ?? [];
    const user = isRevocable ? (whose ?? "") : (users[i % users.length] ?? "");
    const channels = isRevocable
      ? [revocable ?? ""]
      : isRestored
        ? scene.chosen(user)
        : some(scene.steady(user), random);
    return new SoakSubscriber({
      user,
      urls: cluster.ready.wsss,
      ca: cluster.ca,
      channels,
      isRestored,
      manner: MANNERS[Math.floor(random() * MANNERS.length)] ?? "steady",
      isRevocable,
      random,
      token: async () => (await tokens.get(user)?.get()) ?? "",
    });
  });
}

async function conclude(
  cluster: UpCluster,
  subscribers: readonly SoakSubscriber[],
  before: Truth,
  written: readonly Acknowledged[],
): Promise<Omit<SoakResult, "rightsTaken" | "acknowledged" | "strikes">> {
  let truth = await readTruth(cluster);
  const faultsOf = (): readonly string[] => [
    ...judgeWritten(written, truth),
    ...subscribers.flatMap((subscriber) => judge(subscriber, truth)),
  ];
  // What is on its way may come, to subscribers and to the replica that was asked; whatever is wrong then stays wrong.
  const isFine = async (): Promise<boolean> => {
    if (faultsOf().length === 0) return true;
    truth = await readTruth(cluster);
    return false;
  };
  await eventually(isFine, { timeoutMs: SETTLE_MS }).catch(() => undefined);
  const heardOn = new Map<string, number>();
  const closes = new Map<number, number>();
  for (const subscriber of subscribers) {
    for (const [code, count] of subscriber.closes) add(closes, code, count);
    for (const { channel } of subscriber.heard) add(heardOn, kindOf(subscriber, channel), 1);
  }
  const ends = subscribers.flatMap(({ runs }) => runs.map(({ end }) => end));
  return {
    faults: faultsOf(),
    changes: new Map(
      [...truth].map(([shard, { changes }]) => [
        shard,
        changes.length - (before.get(shard)?.changes.length ?? 0),
      ]),
    ),
    deliveries: [...heardOn.values()].reduce((total, count) => total + count, 0),
    connections: subscribers.reduce((total, { connections }) => total + connections, 0),
    choicesFollowed: subscribers.reduce((total, one) => total + one.choicesFollowed, 0),
    cutsToTheLast: ends.filter((end) => end === "cut-live").length,
    heardOn,
    closes,
  };
}

function kindOf({ options }: SoakSubscriber, channel: string): string {
  const [collection = "", key = ""] = channel.split("/");
  const isOwn = key.split(".")[0] === options.user;
  const kind = collection === "users" || isOwn ? collection : `others' ${collection}`;
  return options.isRestored ? `chosen ${kind}` : kind;
}

function add<Key>(counts: Map<Key, number>, key: Key, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** How often it was taken. */
async function giveAndTake({ give, take }: Toggle, signal: AbortSignal): Promise<number> {
  let taken = 0;
  while (!signal.aborted) {
    await sleep(CALM_MS / 2);
    await take();
    taken += 1;
    await sleep(CALM_MS / 4);
    await give();
  }
  return taken;
}

async function changeOften(
  change: (n: number) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  for (let n = 0; !signal.aborted; n++) {
    await change(n);
    await sleep(20);
  }
  return 0;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
