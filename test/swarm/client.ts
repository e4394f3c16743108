import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { Cabildo, createOpenSocket } from "../../src/client/index.js";
import { eventually } from "../support/eventually.js";

/** What a client in the Swarm saw, as its last line. */
export interface ClientReport {
  readonly writes: number;
  readonly reads: number;
  /** Calls that failed for the program, after all retries of the client library. */
  readonly failedCalls: number;
  /** Tries over the wire, and those of them that the client library had to repeat. */
  readonly attempts: number;
  readonly failedAttempts: number;
  /** Acknowledged, and not in the calendar at the end; in it, or pushed, other than once. */
  readonly lost: number;
  readonly notPushed: number;
  readonly pushedTwice: number;
  readonly gaps: number;
  readonly connections: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const PAUSE_MS = 100;
const HOUR_MS = 3_600_000;
const FIRST_MS = Date.UTC(2027, 0, 1);
const PAGE_SIZE = 1000;
/** A push that is not there by then is lost. */
const PUSHES_WITHIN_MS = 30_000;
const PASSWORD = "a rather long password";

const tries = { attempts: 0, failed: 0 };

function counted(inner: Transport): Transport {
  return {
    unary: async (...call) => {
      tries.attempts++;
      try {
        return await inner.unary(...call);
      } catch (cause) {
        tries.failed++;
        throw cause;
      }
    },
    stream: (...call) => inner.stream(...call),
  };
}

function connect(ca: string, api: readonly string[], live: readonly string[]): Cabildo {
  const [firstApi = "", ...apis] = api;
  const [firstLive = "", ...lives] = live;
  return new Cabildo(
    { api: [firstApi, ...apis], live: [firstLive, ...lives] },
    {
      createTransport: (call) =>
        counted(
          createConnectTransport({
            ...call,
            httpVersion: "1.1",
            useBinaryFormat: true,
            nodeOptions: { ca },
          }),
        ),
      openSocket: createOpenSocket(ca),
      watchNetwork: () => () => undefined,
    },
  );
}

/** One person who writes into an own calendar, reads each event back, and hears of it. */
class Person {
  readonly acknowledged: string[] = [];
  readonly pushes = new Map<string, number>();
  readonly tookMs: number[] = [];
  readonly cabildo: Cabildo;
  readonly calendar: string;
  failedCalls = 0;
  reads = 0;

  constructor(cabildo: Cabildo, name: string) {
    this.cabildo = cabildo;
    this.calendar = `calendars/${name}`;
  }

  static async register(cabildo: Cabildo, name: string): Promise<Person> {
    await cabildo.auth.register({
      userId: name,
      password: PASSWORD,
      displayName: name,
      timeZone: "UTC",
    });
    await cabildo.session.login(name, PASSWORD);
    const person = new Person(cabildo, name);
    const subscription = cabildo.live.subscribe([person.calendar]);
    let joined = false;
    const follow = async (): Promise<void> => {
      for await (const event of subscription) {
        if (event.kind === "joined") joined = true;
        if (event.kind !== "change") continue;
        const { resourceName } = event.change;
        person.pushes.set(resourceName, (person.pushes.get(resourceName) ?? 0) + 1);
      }
    };
    follow().catch((cause: unknown) => console.error(`${person.calendar}: ${String(cause)}`));
    await eventually(() => joined);
    return person;
  }

  /** One write, and its read. */
  async step(): Promise<void> {
    const startMs = performance.now();
    const at = FIRST_MS + this.tookMs.length * HOUR_MS;
    const title = `event ${this.tookMs.length}`;
    const span = { startTime: timestampFromMs(at), endTime: timestampFromMs(at + HOUR_MS / 2) };
    try {
      const event = create(EventSchema, { title, span: { case: "timed", value: span } });
      const { name } = await this.cabildo.events.createEvent({ parent: this.calendar, event });
      this.tookMs.push(performance.now() - startMs);
      this.acknowledged.push(name);
      const read = await this.cabildo.events.getEvent({ name });
      this.reads++;
      if (read.title !== title) throw new Error(`${name} is ${read.title}, not ${title}`);
    } catch (cause) {
      this.failedCalls++;
      console.error(`${this.calendar}: ${String(cause)}`);
    }
  }

  async events(): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    let pageToken = "";
    do {
      const parent = this.calendar;
      const page = await this.cabildo.events.listEvents({ parent, pageSize: PAGE_SIZE, pageToken });
      for (const { name } of page.events) names.add(name);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return names;
  }

  missingPushes(): readonly string[] {
    return this.acknowledged.filter((name) => !this.pushes.has(name));
  }
}

async function report(persons: readonly Person[]): Promise<ClientReport> {
  let lost = 0;
  for (const person of persons) {
    const kept = await person.events();
    lost += person.acknowledged.filter((name) => !kept.has(name)).length;
  }
  await eventually(() => persons.every((person) => person.missingPushes().length === 0), {
    timeoutMs: PUSHES_WITHIN_MS,
  }).catch(() => undefined);
  const sum = (of: (person: Person) => number): number =>
    persons.reduce((total, person) => total + of(person), 0);
  const tookMs = persons.flatMap((person) => person.tookMs).sort((a, b) => a - b);
  const quantile = (q: number): number => Math.round(tookMs[Math.floor(tookMs.length * q)] ?? 0);
  return {
    writes: sum(({ acknowledged }) => acknowledged.length),
    reads: sum(({ reads }) => reads),
    failedCalls: sum(({ failedCalls }) => failedCalls),
    attempts: tries.attempts,
    failedAttempts: tries.failed,
    lost,
    notPushed: sum((person) => person.missingPushes().length),
    pushedTwice: sum(({ pushes }) => [...pushes.values()].filter((count) => count > 1).length),
    gaps: sum(({ cabildo }) => cabildo.live.counters.gaps),
    connections: sum(({ cabildo }) => cabildo.live.counters.connections),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: Math.round(tookMs.at(-1) ?? 0),
  };
}

/**
 * `node client.js CA API,... LIVE,...`, in a container: creates, hears of it and reads back once, says `{"smoke":"ok"}`, goes on
 * with that until SIGTERM, then says what came of it.
 */
async function main(): Promise<void> {
  const [caPath = "", apis = "", lives = ""] = process.argv.slice(2);
  const ca = readFileSync(caPath, "utf8");
  const stopping = new AbortController();
  process.on("SIGTERM", () => stopping.abort());
  const persons = await Promise.all(
    // Their calendars are in different shards.
    ["ana", "zoe"].map((name) =>
      Person.register(connect(ca, apis.split(","), lives.split(",")), name),
    ),
  );
  await Promise.all(persons.map((person) => person.step()));
  await eventually(() => persons.every((person) => person.missingPushes().length === 0));
  console.log(
    JSON.stringify({ smoke: persons.every(({ reads }) => reads === 1) ? "ok" : "failed" }),
  );
  await Promise.all(
    persons.map(async (person) => {
      while (!stopping.signal.aborted) {
        await person.step();
        await sleep(PAUSE_MS);
      }
    }),
  );
  console.log(JSON.stringify(await report(persons)));
  process.exit(0);
}

await main();
