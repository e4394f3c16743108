import type { Person, UpCluster } from "../../support/up-cluster.js";
import { openConnected } from "./sockets.js";

const SECONDS = 4;
const IN_FLIGHT = 64;
const FIRST_MS = Date.parse("2027-01-01T00:00:00Z");

/** Writes over sockets, 64 in flight in all. */
export async function measureCommands(
  cluster: UpCluster,
  person: Person,
  sockets: number,
): Promise<number> {
  const opened = await openConnected(cluster, person, sockets, cluster.ready.wss);
  const endMs = performance.now() + SECONDS * 1000;
  let done = 0;
  let failed = 0;
  let minute = 0;
  // None at the time of another: each would be told of all the others.
  const nextSpan = (): object => {
    const startMs = FIRST_MS + minute++ * 60_000;
    const at = (ms: number): string => new Date(ms).toISOString();
    return { startTime: at(startMs), endTime: at(startMs + 60_000) };
  };
  await Promise.all(
    opened.map(
      (client) =>
        new Promise<void>((resolve) => {
          let id = 1;
          let open = 0;
          const send = (): void => {
            const request = {
              parent: `calendars/${person.user}`,
              event: { title: "command", timed: nextSpan() },
            };
            const method = "cabildo.v1.EventService/CreateEvent";
            client.socket.send(JSON.stringify({ id: ++id, rpc: { method, request } }));
            open++;
          };
          client.onLine = (line) => {
            open--;
            if (line.includes('"error"')) failed++;
            else done++;
            if (performance.now() < endMs) send();
            else if (open === 0) resolve();
          };
          for (let i = 0; i < IN_FLIGHT / sockets; i++) send();
        }),
    ),
  );
  for (const { socket } of opened) socket.removeAllListeners("close").terminate();
  if (failed > 0) throw new Error(`${failed} commands failed`);
  return done / SECONDS;
}
