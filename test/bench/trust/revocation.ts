import { once } from "node:events";
import { get } from "node:https";
import WebSocket from "ws";
import type { UpCluster } from "../../support/up-cluster.js";

const CHANNEL = "calendars/rita";
const SESSIONS = 40;
const LATEST_MS = 20_000;

/** Milliseconds from the request of a revocation until each way of hearing the session had ended. */
export async function measureRevocation(
  cluster: UpCluster,
): Promise<Readonly<Record<"stream" | "events" | "socket", readonly number[]>>> {
  const rita = await cluster.person("rita");
  const took = { stream: [] as number[], events: [] as number[], socket: [] as number[] };
  const ends: Promise<void>[] = [];
  const revoked = new Map<string, number>();
  for (let i = 0; i < SESSIONS; i += 1) {
    const person = await cluster.signIn("rita");
    const { accessToken } = person;
    const session = sessionOf(accessToken);
    const stream = person.sync.watchChanges({ channel: CHANNEL })[Symbol.asyncIterator]();
    await stream.next();
    const waits = [
      ["stream", { end: exhaust(stream) }],
      ["events", await openEvents(cluster, accessToken)],
      ["socket", await openSocket(cluster, accessToken)],
    ] as const;
    for (const [way, { end }] of waits) {
      ends.push(
        end.then(() => void took[way].push(performance.now() - (revoked.get(session) ?? NaN))),
      );
    }
  }
  for (const { name } of (await rita.users.listSessions({ parent: "users/rita", pageSize: 100 }))
    .sessions) {
    const session = name.split("/").at(-1) ?? "";
    if (session === sessionOf(rita.accessToken)) continue;
    revoked.set(session, performance.now());
    await rita.users.revokeSession({ name });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // What is open still has no time, and is missed among the samples.
  const late = new Promise((resolve) => setTimeout(resolve, LATEST_MS));
  await Promise.race([Promise.all(ends), late]);
  return took;
}

function sessionOf(token: string): string {
  const [, claims = ""] = token.split(".");
  const { sid } = JSON.parse(Buffer.from(claims, "base64url").toString()) as {
    readonly sid: string;
  };
  return sid;
}

async function exhaust(stream: AsyncIterator<unknown>): Promise<void> {
  try {
    while ((await stream.next()).done !== true);
  } catch {
    // That is an end too.
  }
}

/** What is open, and goes on; in an object, or whoever waits for the opening waits for the end. */
interface Open {
  readonly end: Promise<void>;
}

async function openEvents({ ca, ready }: UpCluster, token: string): Promise<Open> {
  const sent = get(`${ready.api}/v1/${CHANNEL}:watch`, {
    ...{ ca, agent: false, headers: { authorization: `Bearer ${token}` } },
  });
  const [response] = (await once(sent, "response")) as [NodeJS.ReadableStream];
  return { end: once(response.resume(), "close").then(() => undefined) };
}

async function openSocket({ ca, ready }: UpCluster, token: string): Promise<Open> {
  const socket = new WebSocket(ready.wss, "cabildo.v1.json", { ca });
  await once(socket, "open");
  socket.send(JSON.stringify({ id: 1, connect: { token } }));
  await once(socket, "message");
  return { end: once(socket, "close").then(() => undefined) };
}
