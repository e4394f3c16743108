/**
 * How long a group takes no writes when its leader is killed, stopped dead, or asked to end: the bare engine in three
 * processes with mutual TLS, fsync and marker; beside it etcd with its default timing, when it is on the PATH. And how long a
 * process takes to be back with a long log.
 */
import os from "node:os";
import { freeBasePort } from "../../support/free-ports.js";
import { Etcd } from "../etcd.js";
import { flag } from "../flag.js";
import { EngineGroup } from "./engine-group.js";
import { EtcdGroup } from "./etcd-group.js";
import { measureRestart } from "./restart.js";
import { measureFailover, SIGNALS } from "./trials.js";
import type { Failover } from "./trials.js";
import { percentile } from "../percentile.js";
import { printTable } from "../print-table.js";

const trials = Number(flag("trials", "30"));
const etcdTrials = Number(flag("etcd-trials", String(trials)));
const logEntries = Number(flag("log-entries", "1000000"));
const signals = SIGNALS.filter((signal) => flag("signals", SIGNALS.join()).includes(signal));

const rows: Failover[] = [];
const engine = await EngineGroup.start();
try {
  for (const signal of signals) {
    rows.push(await measureFailover("cabildo's engine", engine, signal, trials));
  }
} finally {
  engine.stop();
}
if (etcdTrials > 0 && Etcd.isInstalled()) {
  const etcd = new EtcdGroup(await Etcd.start(await freeBasePort()));
  try {
    for (const signal of signals) {
      rows.push(await measureFailover("etcd, defaults", etcd, signal, etcdTrials));
    }
  } finally {
    etcd.stop();
  }
} else {
  console.error("etcd is left out (Debian package etcd-server)");
}
const restart = logEntries > 0 ? await measureRestart(logEntries) : undefined;

console.log(`${os.cpus().length} x ${os.cpus()[0]?.model ?? "?"}, Node ${process.version}`);
printTable(
  ["group", "signal to the leader", "n", "min ms", "median ms", "p99 ms", "max ms"],
  rows.map(({ system, signal, tookMs }) => {
    const at = (part: number): string => percentile(tookMs, part).toFixed(0);
    return [system, signal, tookMs.length, at(0), at(0.5), at(0.99), at(1)];
  }),
);
if (restart !== undefined) {
  const { entries, openMs, caughtUpMs } = restart;
  console.log(
    `a process with ${entries} entries in its log: open after ${openMs.toFixed(0)} ms, ` +
      `all applied after ${caughtUpMs.toFixed(0)} ms`,
  );
}
console.log(JSON.stringify({ failover: rows, restart }));
