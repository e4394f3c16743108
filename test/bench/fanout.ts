import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import WebSocket, { WebSocketServer } from "ws";
import type { Person, UpCluster } from "../support/up-cluster.js";
import { eventually } from "../support/eventually.js";
import { cpuSeconds } from "./cpu.js";
import { percentile } from "./percentile.js";

const MESSAGE_BYTES = 200;
const AGES_MAX = 200_000;
const OPEN_AT_ONCE = 50;

export interface FanoutRow {
  readonly system: string;
  readonly subscribers: number;
  readonly deliveries: number;
  readonly cpuMicrosPerDelivery: number;
  /** From the commit to the client, by one clock, at half as many changes a second as all of it can do. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** CPU of the fan-out process for each change that reaches a subscriber; if asked for, how old changes are by then. */
export async function measureFanout(
  cluster: UpCluster,
  person: Person,
  options: { readonly subscribers: number; readonly changes: number; readonly withAges?: true },
): Promise<FanoutRow> {
  const { subscribers, changes } = options;
  const pid = cluster.ready.fanouts[0]?.pid ?? 0;
  let received = 0;
  let subscribed = 0;
  const ages: number[] = [];
  const sockets = await openAll(subscribers, cluster.ready.wss, cluster.ca, (socket) => {
    socket.send(JSON.stringify({ id: 1, connect: { token: person.accessToken } }));
    socket.send(JSON.stringify({ id: 2, subscribe: { channels: [`calendars/${person.user}`] } }));
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString().split("\n")) {
        if (line.startsWith('{"push"')) {
          received++;
          if (ages.length < AGES_MAX) ages.push(ageOf(line));
        } else if (line.includes('"subscribe"')) subscribed++;
      }
    });
  });
  await eventually(() => subscribed === subscribers, { what: "all subscriptions" });
  const before = cpuSeconds([pid]);
  const startMs = performance.now();
  for (let n = 0; n < changes; n++) await write(person);
  await eventually(() => received >= subscribers * changes, { what: "all deliveries" });
  const cpu = cpuSeconds([pid]) - before;
  const measured = row("cabildo fan-out", subscribers, received, cpu);
  if (options.withAges === true) {
    const eachMs = (2 * (performance.now() - startMs)) / changes;
    ages.length = 0;
    for (let n = 0; n < changes; n++) await Promise.all([write(person), sleep(eachMs)]);
    await eventually(() => received >= 2 * subscribers * changes, { what: "all deliveries" });
  }
  for (const socket of sockets) socket.terminate();
  if (options.withAges !== true) return measured;
  return { ...measured, p50Ms: percentile(ages, 0.5), p99Ms: percentile(ages, 0.99) };
}

let written = 0;

async function write({ user, events }: Person): Promise<void> {
  const n = written++;
  const seconds = BigInt(1_700_000_000 + n * 60);
  const span = {
    case: "timed",
    value: { startTime: { seconds }, endTime: { seconds: seconds + 60n } },
  } as const;
  await events.createEvent({ parent: `calendars/${user}`, event: { title: `change ${n}`, span } });
}

function ageOf(push: string): number {
  const [, time = ""] = /"time":"([^"]+)"/u.exec(push) ?? [];
  return Math.max(0, Date.now() - Date.parse(time));
}

/** A loop that publishes to subscribers of bare uWebSockets.js, or of ws, TLS on, in a process of its own. */
export async function measureFloor(
  cluster: UpCluster,
  options: {
    readonly subscribers: number;
    readonly changes: number;
    readonly keys: Keys;
    readonly library?: "uws" | "ws";
  },
): Promise<FanoutRow> {
  const { subscribers, changes, keys, library = "uws" } = options;
  const { child, url } = await startFloor(keys, library);
  let received = 0;
  const sockets = await openAll(subscribers, url, cluster.ca, (socket) => {
    socket.on("message", () => received++);
  });
  const pid = child.pid ?? 0;
  const before = cpuSeconds([pid]);
  for (let n = 0; n < changes; n++) {
    child.send("publish");
    await eventually(() => received >= (n + 1) * subscribers, { what: "a delivery" });
  }
  const cpu = cpuSeconds([pid]) - before;
  for (const socket of sockets) socket.terminate();
  child.kill("SIGKILL");
  const system = library === "uws" ? "bare uWebSockets.js publish" : "ws broadcast loop";
  return row(system, subscribers, received, cpu);
}

export async function startFloor(
  keys: Keys,
  library: "uws" | "ws",
): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = fork(import.meta.filename, [`--floor-${library}`, keys.cert, keys.key]);
  return { child, url: `wss://localhost:${Number(await heard(child))}` };
}

export interface Keys {
  readonly cert: string;
  readonly key: string;
}

function row(system: string, subscribers: number, deliveries: number, cpu: number): FanoutRow {
  return { system, subscribers, deliveries, cpuMicrosPerDelivery: (cpu * 1e6) / deliveries };
}

export async function openAll(
  count: number,
  url: string,
  ca: string,
  prepare: (socket: WebSocket) => void,
): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  const openOne = (): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, "cabildo.v1.json", { ca });
      socket.once("open", () => {
        prepare(socket);
        resolve(socket);
      });
      socket.once("error", reject);
    });
  while (sockets.length < count) {
    const batch = Math.min(OPEN_AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, openOne))));
  }
  return sockets;
}

function heard(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", () => {
      reject(new Error("the floor's process ended"));
    });
  });
}

interface FloorApp {
  ws(pattern: string, behavior: object): FloorApp;
  publish(topic: string, message: string): boolean;
  listen(port: number, listening: (socket: unknown) => void): FloorApp;
}

interface FloorLibrary {
  SSLApp(options: object): FloorApp;
  us_socket_local_port(socket: unknown): number;
}

function serveFloor(cert: string, key: string): void {
  const load = createRequire(import.meta.url);
  const library = load("uWebSockets.js") as FloorLibrary;
  // Read once so that a missing file says so here.
  readFileSync(cert);
  const app = library.SSLApp({ cert_file_name: cert, key_file_name: key });
  const message = "x".repeat(MESSAGE_BYTES);
  app.ws("/*", {
    open: (socket: { subscribe(topic: string): void }) => {
      socket.subscribe("all");
    },
  });
  app.listen(0, (socket) => {
    process.send?.(library.us_socket_local_port(socket));
  });
  process.on("message", () => {
    app.publish("all", message);
  });
}

function serveWsFloor(cert: string, key: string): void {
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  const message = Buffer.from("x".repeat(MESSAGE_BYTES));
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.send?.(typeof address === "object" ? address?.port : 0);
  });
  process.on("message", () => {
    for (const socket of sockets.clients) socket.send(message, { binary: false });
  });
}

for (const [flag, serve] of [
  ["--floor-uws", serveFloor],
  ["--floor-ws", serveWsFloor],
] as const) {
  const at = process.argv.indexOf(flag);
  if (at > 0) serve(process.argv[at + 1] ?? "", process.argv[at + 2] ?? "");
}
