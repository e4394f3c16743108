import { freeBasePort } from "../../support/free-ports.js";
import type { Person, UpCluster } from "../../support/up-cluster.js";
import { Etcd } from "../etcd.js";
import { measureEtcd, measureGrpc, measureSockets } from "../writes.js";
import type { WriteRow } from "../writes.js";

const SECONDS = 4;
/** Of each way, before anything counts: processes that took few writes run what no compiler has seen. */
const WARM_UP = { inFlight: 64, seconds: 8 };
const IN_FLIGHT = [64, 256];
const SOCKETS = [1, 64];

/** Committed writes over unary gRPC, over one socket and over many. */
export async function measureCommands(
  cluster: UpCluster,
  person: Person,
): Promise<readonly WriteRow[]> {
  await measureGrpc(cluster, person, WARM_UP);
  await measureSockets(cluster, person, { ...WARM_UP, sockets: 1 });
  const rows: WriteRow[] = [];
  for (const inFlight of IN_FLIGHT) {
    const load = { inFlight, seconds: SECONDS };
    rows.push(await measureGrpc(cluster, person, load));
    for (const sockets of SOCKETS) {
      rows.push(await measureSockets(cluster, person, { ...load, sockets }));
    }
  }
  return rows;
}

/** What etcd takes of the same size; nothing where it is not installed. */
export async function measurePuts(): Promise<readonly WriteRow[]> {
  if (!Etcd.isInstalled()) return [];
  const etcd = await Etcd.start(await freeBasePort());
  try {
    return await measureEtcd(etcd, { inFlight: IN_FLIGHT, seconds: SECONDS });
  } finally {
    etcd.stop();
  }
}
