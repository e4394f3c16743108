import { readFileSync } from "node:fs";
import type { Person, UpCluster } from "../../support/up-cluster.js";
import { openConnected, openOne } from "./sockets.js";

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
  // The first ones pay for what all share.
  const warm = await openConnected(cluster, person, 100, fanout.url);
  const before = residentBytes(fanout.pid);
  const idle = await openConnected(cluster, person, count, fanout.url);
  const bytes = residentBytes(fanout.pid) - before;
  for (const { socket } of [...warm, ...idle]) socket.removeAllListeners("close").terminate();
  return bytes / count;
}

/** A fan-out is killed; each of its clients goes to the other one after a random wait, and resumes. */
export async function measureResume(
  cluster: UpCluster,
  person: Person,
  count: number,
): Promise<{ readonly p50Ms: number; readonly p99Ms: number }> {
  const [first, second] = cluster.ready.fanouts;
  if (first === undefined || second === undefined) throw new Error("two fan-outs were started");
  const channels = [`calendars/${person.user}`];
  const clients = await openConnected(cluster, person, count, first.url);
  const positions = await Promise.all(
    clients.map(
      (client) =>
        new Promise<string>((resolve) => {
          client.onLine = (line) => {
            const answer = JSON.parse(line) as Subscribed;
            if (answer.subscribe !== undefined)
              resolve(answer.subscribe.channels[0]?.position ?? "");
          };
          client.socket.send(JSON.stringify({ id: 2, subscribe: { channels } }));
        }),
    ),
  );
  const killedMs = performance.now();
  process.kill(first.pid, "SIGKILL");
  const took = await Promise.all(
    positions.map(async (since) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * SPREAD_MS));
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
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        }
      }
    }),
  );
  const sorted = took.sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

interface Subscribed {
  readonly subscribe?: { readonly channels: readonly { readonly position?: string }[] };
}

function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}
