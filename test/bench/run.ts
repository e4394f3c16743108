import os from "node:os";
import path from "node:path";
import { UpCluster } from "../support/up-cluster.js";
import { Etcd } from "./etcd.js";
import { flag } from "./flag.js";
import { measureFanout, measureFloor } from "./fanout.js";
import type { FanoutRow } from "./fanout.js";
import { measureInvitations } from "./invitations.js";
import type { InvitationRow } from "./invitations.js";
import { measureShardStream } from "./shard-stream.js";
import { WITHOUT_LIMITS } from "./without-limits.js";
import { printTable } from "./print-table.js";
import { printWrites } from "./print-writes.js";
import { measureCabildo, measureEtcd } from "./writes.js";
import type { WriteRow } from "./writes.js";

const IN_FLIGHT = [1, 64, 256];
const SUBSCRIBERS = [1, 100, 1000];
const CHANGES = 200;
const INVITATIONS_IN_FLIGHT = [1, 16];
/** Before anything counts: a process that is seconds old runs what no compiler has seen. */
const WARM_UP = { inFlight: [64], seconds: 5 };
const ETCD_PORT_OFFSET = 90;

const seconds = Number(flag("seconds", "5"));
const progress = (text: string): void => void process.stderr.write(`${text}\n`);

progress("starting a cluster");
const cluster = await UpCluster.start({ extra: WITHOUT_LIMITS });
const writes: WriteRow[] = [];
const fanout: FanoutRow[] = [];
const invitations: InvitationRow[] = [];
try {
  const ana = await cluster.person("ana");
  await cluster.healthy();
  progress("warming up");
  await measureCabildo(cluster, ana, WARM_UP);
  progress("writing");
  writes.push(...(await measureCabildo(cluster, ana, { inFlight: IN_FLIGHT, seconds })));
  writes.push(...(await measureShardStream(cluster, "ana", { inFlight: IN_FLIGHT, seconds })));
  const nora = await cluster.person("nora");
  progress("inviting");
  for (const inFlight of INVITATIONS_IN_FLIGHT) {
    invitations.push(await measureInvitations(cluster, ana, nora, { inFlight, seconds }));
  }
  const keys = serverKeys(cluster.ready.dataDir);
  for (const subscribers of SUBSCRIBERS) {
    progress(`${subscribers} subscribers`);
    fanout.push(await measureFanout(cluster, nora, { subscribers, changes: CHANGES }));
    if (process.versions.node.startsWith("20.")) {
      fanout.push(await measureFloor(cluster, { subscribers, changes: CHANGES, keys }));
    }
  }
} finally {
  await cluster.stop();
}
if (Etcd.isInstalled()) {
  progress("the same writes to etcd");
  const etcd = await Etcd.start(cluster.basePort + ETCD_PORT_OFFSET);
  try {
    writes.push(...(await measureEtcd(etcd, { inFlight: IN_FLIGHT, seconds })));
  } finally {
    etcd.stop();
  }
} else {
  progress("etcd is not on the PATH: left out (Debian package etcd-server)");
}

const machine = `${os.cpus().length} x ${os.cpus()[0]?.model ?? "?"}, Node ${process.version}`;
print(machine, writes, fanout);
printInvitations(invitations);
console.log(JSON.stringify({ machine, seconds, writes, fanout, invitations }));

function serverKeys(dataDir: string): { readonly cert: string; readonly key: string } {
  const file = (name: string): string => path.join(dataDir, "certs", name);
  return { cert: file("server.pem"), key: file("server-key.pem") };
}

function print(where: string, rows: readonly WriteRow[], deliveries: readonly FanoutRow[]): void {
  console.log(`\n${where}; clients on the same cores\n`);
  printWrites(rows);
  printTable(
    ["fan-out", "subscribers", "deliveries", "CPU us/delivery"],
    deliveries.map((row) => [
      row.system,
      row.subscribers,
      row.deliveries,
      row.cpuMicrosPerDelivery.toFixed(1),
    ]),
  );
}

/** From an organiser's calendar in one shard to an attendee's in another. */
function printInvitations(rows: readonly InvitationRow[]): void {
  printTable(
    [
      "in flight",
      "invitations",
      "a second",
      "commit to commit p50 ms",
      "p99 ms",
      "commit to socket p50 ms",
      "p99 ms",
    ],
    rows.map((row) => {
      const times = [row.commitP50Ms, row.commitP99Ms, row.heardP50Ms, row.heardP99Ms];
      return [
        row.inFlight,
        row.invitations,
        Math.round(row.perSecond),
        ...times.map((ms) => Math.round(ms)),
      ];
    }),
  );
}
