import os from "node:os";
import path from "node:path";
import { UpCluster } from "../../support/up-cluster.js";
import { chosenParts } from "../parts.js";
import { WITHOUT_LIMITS } from "../without-limits.js";
import { measureFanout, measureFloor } from "../fanout.js";
import type { FanoutRow } from "../fanout.js";
import { printWrites } from "../print-writes.js";
import type { WriteRow } from "../writes.js";
import { measureCommands, measurePuts } from "./commands.js";
import { measureBareIdleBytes, measureIdleBytes, measureResume } from "./herd.js";
import { measureRightsCut } from "./rights-cut.js";
import { printTable } from "../print-table.js";

const PARTS = ["subscribers", "idle", "commands", "rights", "death"] as const;
const SUBSCRIBERS = [1, 100, 1000, 5000];
const CHANGES = 100;
/** Deliveries enough for a number, and not more than that where there are thousands. */
const changesFor = (subscribers: number): number => (subscribers > 1000 ? 30 : CHANGES);
const HERD = 1000;
const IDLE = 3000;
/** Its native build loads. */
const hasUws = process.versions.node.startsWith("20.");

const parts = chosenParts(PARTS);
const progress = (text: string): void => void process.stderr.write(`${text}\n`);
progress("starting a cluster");
const cluster = await UpCluster.start({
  extra: ["--fanouts", "2", ...WITHOUT_LIMITS],
});
const rows: FanoutRow[] = [];
const commands: WriteRow[] = [];
const numbers: Record<string, number | string> = {};
try {
  await cluster.healthy();
  const file = (name: string): string => path.join(cluster.ready.dataDir, "certs", name);
  const keys = { cert: file("server.pem"), key: file("server-key.pem") };
  // A token lasts for five minutes: each part has a person of its own.
  for (const subscribers of parts.has("subscribers") ? SUBSCRIBERS : []) {
    progress(`${subscribers} subscribers`);
    const options = { subscribers, changes: changesFor(subscribers) };
    const nora = await cluster.person(`nora-${subscribers}`);
    rows.push(await measureFanout(cluster, nora, { ...options, withAges: true }));
    if (hasUws) {
      rows.push(await measureFloor(cluster, { ...options, keys, library: "uws" }));
    }
    rows.push(await measureFloor(cluster, { ...options, keys, library: "ws" }));
  }
  if (parts.has("idle")) {
    progress("idle connections");
    numbers["KiB of an idle connection"] =
      (await measureIdleBytes(cluster, await cluster.person("ida"), IDLE)) / 1024;
    if (hasUws) {
      const bare = await measureBareIdleBytes(cluster, keys, IDLE);
      numbers["KiB of one of bare uWebSockets.js"] = bare / 1024;
    }
  }
  if (parts.has("commands")) {
    progress("commands over sockets");
    commands.push(...(await measureCommands(cluster, await cluster.person("will"))));
  }
  if (parts.has("rights")) await rights();
  if (parts.has("death")) await death();
} finally {
  await cluster.stop();
}
if (parts.has("commands")) {
  progress("the same commands to etcd");
  commands.push(...(await measurePuts()));
}
const machine = `${os.cpus().length} x ${os.cpus()[0]?.model ?? "?"}, Node ${process.version}`;
console.log(`\n${machine}; clients on the same cores\n`);
printTable(
  ["system", "subscribers", "deliveries", "CPU us/delivery", "p50 ms", "p99 ms"],
  rows.map((row) => [
    row.system,
    row.subscribers,
    row.deliveries,
    row.cpuMicrosPerDelivery.toFixed(1),
    row.p50Ms?.toFixed(1) ?? "",
    row.p99Ms?.toFixed(1) ?? "",
  ]),
);
printWrites(commands);
for (const [what, value] of Object.entries(numbers)) {
  console.log(`${typeof value === "number" ? value.toFixed(1) : value} ${what}`);
}

async function rights(): Promise<void> {
  progress("the ends of rights");
  const cut = await measureRightsCut(cluster, {
    person: await cluster.person("gia"),
    member: await cluster.person("tom"),
    writer: await cluster.person("wes"),
  });
  numbers[`ms until a right was cut in a shard, at the median of ${cut.removals} members`] =
    cut.p50Ms;
  numbers["ms of that at p99"] = cut.p99Ms;
  numbers["ms until the call was answered that puts a member out of all shards, at p99"] =
    cut.callP99Ms;
  numbers["writes a second by others meanwhile"] = cut.writesPerSecond;
}

async function death(): Promise<void> {
  progress("the death of a fan-out");
  const resumed = await measureResume(cluster, await cluster.person("hera"), HERD);
  numbers[`ms until half of ${HERD} have resumed`] = resumed.p50Ms;
  numbers["ms until 99 % have"] = resumed.p99Ms;
  numbers["% of a core, by all nodes together meanwhile"] = 100 * resumed.nodesCpu;
}
