/** Fills a shard, or measures one that is full, once; then it waits for its end. */
import { setTimeout as sleep } from "node:timers/promises";
import { createStoreCodec } from "../../../src/wire/index.js";
import { drive, summarize } from "../closed-loop.js";
import type { Measured } from "../closed-loop.js";
import { LoneShard } from "./lone-shard.js";
import { ANY_GET, BARE_ROW, LOAD_NAMES } from "./messages.js";
import type { LoadName, ShardAnswer, ShardOrder } from "./messages.js";
import { BATCH_EVENTS, People } from "./people.js";

const BATCHES_IN_FLIGHT = 8;
const WRITES_IN_FLIGHT = 256;
const READS_IN_FLIGHT = 16;
const WARM_UP_SECONDS = 1;
/** After a start caches are empty, and the database compacts what its log held ... */
const SETTLE_SECONDS = 10;
/** ... which is over when the idle process takes less than so much of a core. */
const RESTING_CPU = 0.1;
const REST_SECONDS_MAX = 60;
const PROGRESS_MS = 5_000;
const KIB = 1024;

process.once("message", (order: ShardOrder) => {
  run(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function run(order: ShardOrder): Promise<ShardAnswer> {
  const shard = await LoneShard.open(order.directory, order.cacheBytes);
  const people = new People(order.events, order.seed, order.firstMs);
  return order.kind === "fill" ? fill(shard, people) : measure(shard, people, order);
}

async function fill(shard: LoneShard, people: People): Promise<ShardAnswer> {
  const commands = people.filling();
  let events = 0;
  const startMs = performance.now();
  const seconds = (): number => (performance.now() - startMs) / 1000;
  const progress = setInterval(() => {
    const rate = Math.round(events / seconds());
    process.stderr.write(`  ${events} of ${people.events} events, ${rate} a second\n`);
  }, PROGRESS_MS);
  await Promise.all(
    Array.from({ length: BATCHES_IN_FLIGHT }, async () => {
      for (const command of commands) {
        await shard.execute(command);
        if (command.operation.kind === "create-events") events += BATCH_EVENTS;
      }
    }),
  );
  clearInterval(progress);
  return {
    kind: "filled",
    events,
    seconds: seconds(),
    storeBytes: await shard.storeBytes(),
    peakRssBytes: peakRssBytes(),
  };
}

async function measure(shard: LoneShard, people: People, order: ShardOrder): Promise<ShardAnswer> {
  const first = await shard.ask(people.get());
  const restartMs = performance.now();
  if (first.kind !== "event") throw new Error(`a ${first.kind} in place of an event`);
  const eventBytes = createStoreCodec().rows.event.encode(first.event).length;
  const restedRssBytes = process.memoryUsage.rss();
  const calls: Readonly<Record<LoadName, () => Promise<unknown>>> = {
    get: () => shard.ask(people.get()),
    [ANY_GET]: () => shard.ask(people.getAny()),
    [BARE_ROW]: () => shard.bareGet(people.anyRow()),
    "list of 50": () => shard.ask(people.list()),
    "free/busy of 10": () => shard.ask(people.freeBusy()),
    update: () => shard.execute(people.update()),
    create: () => shard.execute(people.create()),
  };
  await drive(READS_IN_FLIGHT, SETTLE_SECONDS, async () => {
    await calls.get();
    await calls[ANY_GET]();
  });
  await untilAtRest();
  const loads: [LoadName, Measured][] = [];
  for (const name of LOAD_NAMES.filter((one) => order.loads.includes(one))) {
    const isWrite = name === "update" || name === "create";
    const inFlight = isWrite ? WRITES_IN_FLIGHT : READS_IN_FLIGHT;
    loads.push([name, await load(calls[name], inFlight, order.seconds)]);
  }
  return {
    kind: "measured",
    restartMs,
    restedRssBytes,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: peakRssBytes(),
    eventBytes,
    loads: Object.fromEntries(loads),
  };
}

async function untilAtRest(): Promise<void> {
  for (let seconds = 0; seconds < REST_SECONDS_MAX; seconds++) {
    const before = process.cpuUsage();
    await sleep(1_000);
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1e6 < RESTING_CPU) return;
  }
}

async function load(
  call: () => Promise<unknown>,
  inFlight: number,
  seconds: number,
): Promise<Measured> {
  const once = async (): Promise<void> => {
    await call();
  };
  // The first failure says why: a load whose calls fail would pass for a fast one.
  await once();
  await drive(inFlight, WARM_UP_SECONDS, once);
  const before = process.cpuUsage();
  const startMs = performance.now();
  const driven = await drive(inFlight, seconds, once);
  const tookSeconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(before);
  return summarize(driven, {
    inFlight,
    seconds: tookSeconds,
    cpuSeconds: (user + system) / 1e6,
  });
}

function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * KIB;
}
