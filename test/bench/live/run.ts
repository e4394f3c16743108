import os from "node:os";
import path from "node:path";
import Table from "cli-table3";
import { UpCluster } from "../../support/up-cluster.js";
import { flag } from "../flag.js";
import { WITHOUT_LIMITS } from "../without-limits.js";
import { measureFanout, measureFloor } from "../fanout.js";
import type { FanoutRow } from "../fanout.js";
import { measureCommands } from "./commands.js";
import { measureBareIdleBytes, measureIdleBytes, measureResume } from "./herd.js";

const SUBSCRIBERS = [1, 100, 1000, 5000];
const CHANGES = 100;
/** Deliveries enough for a number, and not more than that where there are thousands. */
const changesFor = (subscribers: number): number => (subscribers > 1000 ? 30 : CHANGES);
const HERD = 1000;
const IDLE = 3000;
/** Its native build loads. */
const hasUws = process.versions.node.startsWith("20.");

const progress = (text: string): void => void process.stderr.write(`${text}\n`);
progress("starting a cluster");
const cluster = await UpCluster.start({
  extra: ["--fanouts", "2", ...WITHOUT_LIMITS],
});
const rows: FanoutRow[] = [];
const numbers: Record<string, number | string> = {};
try {
  const nora = await cluster.person("nora");
  await cluster.healthy();
  const file = (name: string): string => path.join(cluster.ready.dataDir, "certs", name);
  const keys = { cert: file("server.pem"), key: file("server-key.pem") };
  for (const subscribers of flag("only", "all") === "all" ? SUBSCRIBERS : []) {
    progress(`${subscribers} subscribers`);
    const options = { subscribers, changes: changesFor(subscribers) };
    rows.push(await measureFanout(cluster, nora, options));
    if (hasUws) {
      rows.push(await measureFloor(cluster, { ...options, keys, library: "uws" }));
    }
    rows.push(await measureFloor(cluster, { ...options, keys, library: "ws" }));
  }
  // A token lasts for five minutes: each part has a person of its own.
  progress("idle connections");
  numbers["KiB of an idle connection"] =
    (await measureIdleBytes(cluster, await cluster.person("ida"), IDLE)) / 1024;
  if (hasUws) {
    const bare = await measureBareIdleBytes(cluster, keys, IDLE);
    numbers["KiB of one of bare uWebSockets.js"] = bare / 1024;
  }
  progress("commands over sockets");
  const writer = await cluster.person("will");
  for (const sockets of [1, 64]) {
    numbers[`commands/s over ${sockets} sockets`] = await measureCommands(cluster, writer, sockets);
  }
  progress("the death of a fan-out");
  const resumed = await measureResume(cluster, await cluster.person("hera"), HERD);
  numbers[`ms until half of ${HERD} have resumed`] = resumed.p50Ms;
  numbers[`ms until 99 % have`] = resumed.p99Ms;
  numbers["% of a core, by all nodes together meanwhile"] = 100 * resumed.nodesCpu;
} finally {
  await cluster.stop();
}
const machine = `${os.cpus().length} x ${os.cpus()[0]?.model ?? "?"}, Node ${process.version}`;
console.log(`\n${machine}; clients on the same cores\n`);
const table = new Table({
  head: ["system", "subscribers", "deliveries", "CPU us/delivery", "p50 ms", "p99 ms"],
  style: { head: [] },
});
for (const row of rows) {
  table.push([
    row.system,
    row.subscribers,
    row.deliveries,
    row.cpuMicrosPerDelivery.toFixed(1),
    row.p50Ms?.toFixed(1) ?? "",
    row.p99Ms?.toFixed(1) ?? "",
  ]);
}
console.log(table.toString());
for (const [what, value] of Object.entries(numbers)) {
  console.log(`${typeof value === "number" ? value.toFixed(1) : value} ${what}`);
}
