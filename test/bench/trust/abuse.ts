import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { HANDSHAKES } from "../../support/hostile/handshakes.js";
import { HTTP_ABUSES } from "../../support/hostile/http.js";
import { FRAMES, REQUESTS, UNREAD, UPGRADES } from "../../support/hostile/websocket.js";
import type { UpCluster } from "../../support/up-cluster.js";
import { ControlClient } from "./control-client.js";

export interface AbuseRow {
  readonly port: string;
  readonly what: string;
  readonly callP99Ms: number;
  readonly streamP99Ms: number;
  readonly socketP99Ms: number;
  readonly calls: number;
  readonly errors: readonly string[];
}

const BEFORE = "nothing";

/** A client that does no harm, before anybody does and beside each of those who do. */
export async function measureAbuse(
  cluster: UpCluster,
  seconds: number,
  note: (row: AbuseRow) => void,
): Promise<readonly AbuseRow[]> {
  const { api, wss, nodes, ca } = cluster.ready;
  const doors = [
    { name: "coordinator", port: portOf(api), abuses: { ...HANDSHAKES, ...HTTP_ABUSES } },
    {
      name: "fan-out",
      port: portOf(wss),
      abuses: { ...HANDSHAKES, ...UPGRADES, ...REQUESTS, ...FRAMES, ...UNREAD },
    },
    { name: "node", port: portOf(`https://${nodes[0]?.address}`), abuses: HANDSHAKES },
  ];
  const control = await ControlClient.open(cluster);
  const rows: AbuseRow[] = [];
  const measure = async (port: string, what: string): Promise<void> => {
    const row = { port, what, ...(await control.measure(seconds)) };
    rows.push(row);
    note(row);
  };
  try {
    await control.measure(1);
    await measure("none", BEFORE);
    for (const { name, port, abuses } of doors) {
      for (const what of Object.keys(abuses)) {
        const script = path.join(import.meta.dirname, "abuser.js");
        const abuser = fork(script, [port, ca, what], { stdio: "ignore" });
        await measure(name, what);
        abuser.kill("SIGKILL");
        await once(abuser, "exit");
      }
    }
    await measure("none", BEFORE);
  } finally {
    control.close();
  }
  return rows;
}

const portOf = (url: string): string => new URL(url).port;
