import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isNodeError } from "../files.js";

export interface WantedPort {
  readonly port: number;
  /** Who is to listen there, such as `coordinator-1`. */
  readonly owner: string;
}

/** A cluster that was killed a moment ago still holds its ports while its processes end. */
const PATIENCE_MS = 4000;
const RETRY_MS = 100;

/** Fails with the names of the ports that something else holds. */
export async function requireFreePorts(
  host: string,
  wanted: readonly WantedPort[],
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  let taken = await takenOf(host, wanted);
  while (taken.length > 0 && performance.now() < deadlineMs) {
    await sleep(RETRY_MS);
    taken = await takenOf(host, taken);
  }
  if (taken.length === 0) return;
  const list = taken.map(({ port, owner }) => `${port} (for ${owner})`).join(", ");
  const what = taken.length === 1 ? `port ${list} is` : `ports ${list} are`;
  throw new Error(`${what} in use on ${host}: stop what listens there, or choose --base-port`);
}

async function takenOf(
  host: string,
  wanted: readonly WantedPort[],
): Promise<readonly WantedPort[]> {
  const checked = await Promise.all(
    wanted.map(async (one) => ({ one, free: await isFree(host, one.port) })),
  );
  return checked.filter(({ free }) => !free).map(({ one }) => one);
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      if (isNodeError(cause) && cause.code === "EADDRINUSE") resolve(false);
      else if (isNodeError(cause) && cause.code === "EADDRNOTAVAIL") {
        reject(new Error(`${host} is not an address of this machine`, { cause }));
      } else reject(cause);
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
