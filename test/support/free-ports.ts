import { createServer, type Server } from "node:net";

/** As many ports as a cluster with 12 nodes may use. */
const PORT_SPAN = 80;
/** A port beyond the run that its taker holds open: another process that looks for a run finds it taken. */
const CLAIM_OFFSET = 99;

/** The first of a run of ports that nobody uses just now, kept from other test processes for as long as this one lives. */
export async function freeBasePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 20_000 + Math.floor(Math.random() * 110) * 100;
    const claim = await listen(base + CLAIM_OFFSET);
    if (claim === undefined) continue;
    const probes = await Promise.all(Array.from({ length: PORT_SPAN }, (_, i) => isFree(base + i)));
    if (probes.every(Boolean)) {
      claim.unref();
      return base;
    }
    claim.close();
  }
  throw new Error("no free ports");
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Nothing where the port is in use. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
