import { createServer } from "node:net";

/** As many ports as a cluster with 12 nodes may use. */
const PORT_SPAN = 80;

/** The first of a run of ports that nobody uses just now. */
export async function freeBasePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 20_000 + Math.floor(Math.random() * 110) * 100;
    const probes = await Promise.all(Array.from({ length: PORT_SPAN }, (_, i) => isFree(base + i)));
    if (probes.every(Boolean)) return base;
  }
  throw new Error("no free ports");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen(port, "127.0.0.1", () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
