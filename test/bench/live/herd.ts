import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type WebSocket from "ws";
import type { Person, UpCluster } from "../../support/up-cluster.js";
import { cpuSeconds } from "../cpu.js";
import { openAll, startFloor } from "../fanout.js";
import type { Keys } from "../fanout.js";
import { openConnected, openOne } from "./sockets.js";
import type { Opened } from "./sockets.js";

const WARM = 1000;
const REST_MS = 45_000;
const AGAIN_MS = 50;
const SPREAD_MS = 500;

/** Resident memory of the fan-out for each connection that is open and subscribed, and hears nothing. */
export async function measureIdleBytes(
  cluster: UpCluster,
  person: Person,
  count: number,
): Promise<number> {
  const fanout = cluster.ready.fanouts[1];
  if (fanout === undefined) throw new Error("a second fan-out was started");
  const opened: Opened[] = [];
  const bytes = await measureBytesEach(fanout.pid, count, async (more) => {
    const clients = await openConnected(cluster, person, more, fanout.url);
    await Promise.all(clients.map((client) => subscribe(client, person)));
    opened.push(...clients);
  });
  for (const { socket } of opened) socket.removeAllListeners("close").terminate();
  return bytes;
}

/** The same of uWebSockets.js by itself. */
export async function measureBareIdleBytes(
  cluster: UpCluster,
  keys: Keys,
  count: number,
): Promise<number> {
  const { child, url } = await startFloor(keys, "uws");
  const opened: WebSocket[] = [];
  const bytes = await measureBytesEach(child.pid ?? 0, count, async (more) => {
    opened.push(...(await openAll(more, url, cluster.ca, () => undefined)));
  });
  for (const socket of opened) socket.terminate();
  child.kill("SIGKILL");
  return bytes;
}

/** The first ones pay for what all share, compiled code and a grown heap. */
async function measureBytesEach(
  pid: number,
  count: number,
  open: (count: number) => Promise<void>,
): Promise<number> {
  await open(WARM);
  const before = await restedBytes(pid);
  await open(count);
  return ((await restedBytes(pid)) - before) / count;
}

/** Where opening has left garbage, that is no memory of idle connections: a heap that nobody uses is collected after a while. */
async function restedBytes(pid: number): Promise<number> {
  await sleep(REST_MS);
  return residentBytes(pid);
}

/** Resolves to the position with which it begins. */
function subscribe(client: Opened, person: Person): Promise<string> {
  const channels = [`calendars/${person.user}`];
  return new Promise((resolve) => {
    client.onLine = (line) => {
      const answer = JSON.parse(line) as Subscribed;
      if (answer.subscribe !== undefined) resolve(answer.subscribe.channels[0]?.position ?? "");
    };
    client.socket.send(JSON.stringify({ id: 2, subscribe: { channels } }));
  });
}

export interface Resumed {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one core, by all nodes together, while clients resumed. */
  readonly nodesCpu: number;
}

/** A fan-out is killed; each of its clients goes to the other one after a random wait, and resumes. */
export async function measureResume(
  cluster: UpCluster,
  person: Person,
  count: number,
): Promise<Resumed> {
  const [first, second] = cluster.ready.fanouts;
  if (first === undefined || second === undefined) throw new Error("two fan-outs were started");
  const channels = [`calendars/${person.user}`];
  const clients = await openConnected(cluster, person, count, first.url);
  const positions = await Promise.all(clients.map((client) => subscribe(client, person)));
  const nodes = cluster.ready.nodes.map(({ pid }) => pid);
  const cpuBefore = cpuSeconds(nodes);
  const killedMs = performance.now();
  process.kill(first.pid, "SIGKILL");
  const took = await Promise.all(
    positions.map(async (since) => {
      await sleep(Math.random() * SPREAD_MS);
      for (;;) {
        try {
          const client = await openOne(cluster.ca, person.accessToken, second.url);
          return await new Promise<number>((resolve) => {
            client.onLine = (line) => {
              if (!line.includes('"recovered":true')) return;
              client.socket.removeAllListeners("close").terminate();
              resolve(performance.now() - killedMs);
            };
            client.socket.send(JSON.stringify({ id: 2, subscribe: { channels, since: [since] } }));
          });
        } catch {
          await sleep(AGAIN_MS);
        }
      }
    }),
  );
  const seconds = (performance.now() - killedMs) / 1000;
  const nodesCpu = (cpuSeconds(nodes) - cpuBefore) / seconds;
  const sorted = took.sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99), nodesCpu };
}

interface Subscribed {
  readonly subscribe?: { readonly channels: readonly { readonly position?: string }[] };
}

function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}
