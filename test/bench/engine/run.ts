/**
 * The engine alone: three processes, mutual TLS, fsync and marker on all of them, a put of 256 bytes applied with its index,
 * proposed in the leader's process; beside it etcd, when it is on the PATH, and a program of yours that measures the same and
 * prints it (--beside FILE; it is given --in-flight and --seconds).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os, { tmpdir } from "node:os";
import path from "node:path";
import { createTestAuthority } from "../../support/certificates.js";
import { freeBasePort } from "../../support/free-ports.js";
import { summarize } from "../closed-loop.js";
import type { Measured } from "../closed-loop.js";
import { Etcd } from "../etcd.js";
import { flag } from "../flag.js";
import { measureEtcd } from "../writes.js";
import { EngineNode } from "./engine-node.js";
import type { EngineWork } from "./messages.js";
import { printTable } from "../print-table.js";

interface EngineMeasured extends Measured {
  /** Of all three processes. */
  readonly roundsPerEntry: number;
  readonly framesPerEntry: number;
}

const NAMES = ["node-1", "node-2", "node-3"];
const WARM_UP_SECONDS = 1;
const inFlights = flag("in-flight", "1,64,256").split(",").map(Number);
const seconds = Number(flag("seconds", "4"));

const engine = await measureEngine();
const rows: [string, Measured & Partial<EngineMeasured>][] = engine.map((measured) => [
  "cabildo's engine",
  measured,
]);
if (Etcd.isInstalled()) {
  const etcd = await Etcd.start(await freeBasePort());
  try {
    for (const row of await measureEtcd(etcd, { inFlight: inFlights, seconds })) {
      rows.push([`etcd, ${row.protocol}`, row]);
    }
  } finally {
    etcd.stop();
  }
} else {
  console.error("etcd is not on the PATH: left out (Debian package etcd-server)");
}

console.log(`${os.cpus()[0]?.model ?? "?"}, Node ${process.version}; CPU of three processes`);
printTable(
  [
    "engine",
    "in flight",
    "entries/s",
    "p50 ms",
    "p99 ms",
    "CPU us/entry",
    "rounds/entry",
    "frames/entry",
    "failed",
  ],
  rows.map(([system, row]) => [
    system,
    row.inFlight,
    Math.round(row.perSecond),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.cpuMicrosPerCall.toFixed(1),
    row.roundsPerEntry?.toFixed(2) ?? "",
    row.framesPerEntry?.toFixed(2) ?? "",
    row.failures,
  ]),
);
console.log(JSON.stringify(rows.map(([system, row]) => ({ ...row, system }))));
const beside = flag("beside", "");
if (beside !== "") {
  const args = [beside, "--in-flight", inFlights.join(","), "--seconds", String(seconds)];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`${beside} ended with ${status}`);
}

async function measureEngine(): Promise<EngineMeasured[]> {
  const root = mkdtempSync(path.join(tmpdir(), "cabildo-engine-"));
  const base = await freeBasePort();
  const authority = await createTestAuthority();
  const addresses = NAMES.map((name, i) => ({ name, address: `127.0.0.1:${base + i}` }));
  const nodes: EngineNode[] = [];
  try {
    for (const { name, address } of addresses) {
      const tls = await authority.process("bench", "node", name);
      nodes.push(
        await EngineNode.start({
          name,
          address,
          peers: addresses.filter((peer) => peer.name !== name),
          directory: path.join(root, name),
          tls: { ca: String(tls.ca), cert: String(tls.cert), key: String(tls.key) },
        }),
      );
    }
    const leads = await Promise.all(nodes.map((node) => node.leads()));
    const leader = nodes[leads.indexOf(true)];
    if (leader === undefined) throw new Error("nobody leads");
    await leader.load(64, WARM_UP_SECONDS);
    const measured: EngineMeasured[] = [];
    for (const inFlight of inFlights) {
      const before = await workOf(nodes);
      const load = await leader.load(inFlight, seconds);
      const after = await workOf(nodes);
      const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
      const entries = load.tookMs.length;
      measured.push({
        ...summarize(load, { inFlight, seconds, cpuSeconds }),
        roundsPerEntry: (after.rounds - before.rounds) / entries,
        framesPerEntry: (after.frames - before.frames) / entries,
      });
    }
    return measured;
  } finally {
    for (const node of nodes) node.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

async function workOf(nodes: readonly EngineNode[]): Promise<EngineWork> {
  const works = await Promise.all(nodes.map((node) => node.work()));
  const sum = (part: keyof EngineWork): number => works.reduce((all, work) => all + work[part], 0);
  return { cpuSeconds: sum("cpuSeconds"), rounds: sum("rounds"), frames: sum("frames") };
}
