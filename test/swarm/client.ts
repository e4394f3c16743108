import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createConnectTransport } from "@connectrpc/connect-node";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { Cabildo, createOpenSocket } from "../../src/client/index.js";
import { eventually } from "../support/eventually.js";
import { Phases } from "./phases.js";
import type { Caller, PhaseReport } from "./phases.js";

/** What a client in the Swarm saw, as its last line. */
export interface ClientReport {
  readonly phases: readonly PhaseReport[];
  /** Acknowledged, and not in the calendar at the end; in it, or pushed, other than once. */
  readonly lost: number;
  readonly notPushed: number;
  readonly pushedTwice: number;
  readonly gaps: number;
  readonly connections: number;
}

const PAUSE_MS = 100;
const HOUR_MS = 3_600_000;
const FIRST_MS = Date.UTC(2027, 0, 1);
const PAGE_SIZE = 1000;
/** A push that is not there by then is lost. */
const PUSHES_WITHIN_MS = 30_000;
const PASSWORD = "a rather long password";

function connect(
  caller: Caller,
  ca: string,
  api: readonly string[],
  live: readonly string[],
): Cabildo {
  const [firstApi = "", ...apis] = api;
  const [firstLive = "", ...lives] = live;
  return new Cabildo(
    { api: [firstApi, ...apis], live: [firstLive, ...lives] },
    {
      createTransport: (call) =>
        caller.counted(
          call.baseUrl,
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
  readonly cabildo: Cabildo;
  readonly calendar: string;
  readonly #caller: Caller;
  #steps = 0;

  constructor(caller: Caller, cabildo: Cabildo, name: string) {
    this.#caller = caller;
    this.cabildo = cabildo;
    this.calendar = `calendars/${name}`;
  }

  static async register(caller: Caller, cabildo: Cabildo, name: string): Promise<Person> {
    await cabildo.auth.register({
      userId: name,
      password: PASSWORD,
      displayName: name,
      timeZone: "UTC",
    });
    await cabildo.session.login(name, PASSWORD);
    const person = new Person(caller, cabildo, name);
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
    const step = this.#steps++;
    const at = FIRST_MS + step * HOUR_MS;
    const title = `event ${step}`;
    const span = { startTime: timestampFromMs(at), endTime: timestampFromMs(at + HOUR_MS / 2) };
    const event = create(EventSchema, { title, span: { case: "timed", value: span } });
    const { events } = this.cabildo;
    const { name } = await this.#caller.write(`creates ${title}`, () =>
      events.createEvent({ parent: this.calendar, event }),
    );
    this.acknowledged.push(name);
    await this.#caller.read(`reads ${name}`, async () => {
      const read = await events.getEvent({ name });
      if (read.title !== title) throw new Error(`${name} is ${read.title}, not ${title}`);
    });
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

async function report(phases: Phases, persons: readonly Person[]): Promise<ClientReport> {
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
  return {
    phases: phases.reports,
    lost,
    notPushed: sum((person) => person.missingPushes().length),
    pushedTwice: sum(({ pushes }) => [...pushes.values()].filter((count) => count > 1).length),
    gaps: sum(({ cabildo }) => cabildo.live.counters.gaps),
    connections: sum(({ cabildo }) => cabildo.live.counters.connections),
  };
}

/**
 * `node client.js CA API,... LIVE,...`, in a container: creates, hears of it and reads back once, says `{"smoke":"ok"}`, goes on
 * with that until stdin ends, then says what came of it. Lines of stdin are names: what it does from then on is counted apart.
 */
async function main(): Promise<void> {
  const [caPath = "", apis = "", lives = ""] = process.argv.slice(2);
  const ca = readFileSync(caPath, "utf8");
  const phases = new Phases("smoke");
  const persons = await Promise.all(
    // Their calendars are in different shards.
    ["ana", "zoe"].map((name) => {
      const caller = phases.caller(name);
      return Person.register(caller, connect(caller, ca, apis.split(","), lives.split(",")), name);
    }),
  );
  await Promise.all(persons.map((person) => person.step()));
  await eventually(() => persons.every((person) => person.missingPushes().length === 0));
  console.log(JSON.stringify({ smoke: "ok" }));
  const stopping = new AbortController();
  const working = persons.map(async (person) => {
    while (!stopping.signal.aborted) {
      // It was counted, and said.
      await person.step().catch(() => undefined);
      await sleep(PAUSE_MS);
    }
  });
  for await (const line of createInterface({ input: process.stdin })) phases.begin(line);
  stopping.abort();
  await Promise.all(working);
  console.log(JSON.stringify(await report(phases, persons)));
  process.exit(0);
}

await main();
