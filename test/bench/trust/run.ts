/**
 * Measures what trust costs and how soon it ends, on a cluster on this machine: a client that does no harm beside each class of
 * abuse, logins, the end of sessions, equal times of refusals, and fuzzing. Prints tables, and all of it as JSON.
 */
import os from "node:os";
import { fuzz } from "../../fuzz/fuzz.js";
import { SURFACES } from "../../fuzz/surfaces.js";
import { UpCluster } from "../../support/up-cluster.js";
import { closedLoop } from "../closed-loop.js";
import { flag } from "../flag.js";
import { chosenParts } from "../parts.js";
import { FOR_MANY_CLIENTS } from "../without-limits.js";
import { measureAbuse } from "./abuse.js";
import { measureEqualTimes } from "./equal-times.js";
import { percentile } from "../percentile.js";
import { measureRevocation } from "./revocation.js";
import { printTable } from "../print-table.js";

const PARTS = ["abuse", "logins", "revocation", "equal-times", "fuzz"] as const;
const LOGINS_IN_FLIGHT = [1, 8];

const seconds = Number(flag("seconds", "3"));
const samples = Number(flag("samples", "10000"));
const parts = chosenParts(PARTS);
const result: Record<string, unknown> = { cores: os.cpus().length, node: process.version };

if (parts.has("abuse") || parts.has("logins") || parts.has("revocation")) {
  const cluster = await UpCluster.start({ extra: FOR_MANY_CLIENTS });
  try {
    await cluster.healthy();
    if (parts.has("logins")) await logins(cluster);
    if (parts.has("revocation")) await revocation(cluster);
    if (parts.has("abuse")) await abuse(cluster);
  } finally {
    await cluster.stop();
  }
}
if (parts.has("equal-times")) await equalTimes();
if (parts.has("fuzz")) await fuzzAll();
console.log(JSON.stringify(result));

async function logins(cluster: UpCluster): Promise<void> {
  const lea = await cluster.person("lea");
  const { nodes, coordinators } = cluster.ready;
  const pids = [...nodes, ...coordinators].map(({ pid }) => pid);
  const login = async (): Promise<void> => {
    await lea.auth.login({ userId: "lea", password: "lea likes long passwords" });
  };
  const measured = [];
  for (const inFlight of LOGINS_IN_FLIGHT) {
    measured.push(await closedLoop({ inFlight, seconds, pids, call: login }));
  }
  result["logins"] = measured;
  print(
    ["logins in flight", "per second", "p50 ms", "p99 ms", "failures"],
    measured.map((row) => [row.inFlight, row.perSecond, row.p50Ms, row.p99Ms, row.failures]),
  );
}

async function revocation(cluster: UpCluster): Promise<void> {
  const took = await measureRevocation(cluster);
  const { stream, events, socket } = took;
  const rows = Object.entries({ ...took, all: [...stream, ...events, ...socket] });
  result["revocation"] = Object.fromEntries(rows.map(([way, ms]) => [way, timesOf(ms)]));
  print(
    ["end of what is revoked", "samples", "p50 ms", "p99 ms", "longest ms"],
    rows.map(([way, ms]) => [way, ...Object.values(timesOf(ms))]),
  );
}

async function abuse(cluster: UpCluster): Promise<void> {
  const rows = await measureAbuse(cluster, seconds, ({ port, what, callP99Ms }) => {
    process.stderr.write(`${port}  ${what}  ${callP99Ms.toFixed(1)}\n`);
  });
  result["abuse"] = rows;
  print(
    ["at", "somebody", "call p99 ms", "stream p99 ms", "socket p99 ms", "calls", "errors"],
    rows.map(({ port, what, ...row }) => [
      ...[port, what, row.callP99Ms, row.streamP99Ms, row.socketP99Ms, row.calls],
      row.errors.length,
    ]),
  );
}

async function equalTimes(): Promise<void> {
  const rows = Object.entries(await measureEqualTimes(samples));
  result["equalTimes"] = Object.fromEntries(rows.map(([kind, ms]) => [kind, timesOf(ms)]));
  print(
    ["refused login", "samples", "p50 ms", "p99 ms", "longest ms"],
    rows.map(([kind, ms]) => [kind, ...Object.values(timesOf(ms))]),
  );
}

async function fuzzAll(): Promise<void> {
  const rows: (readonly [string, number, number])[] = [];
  for (const [name, open] of Object.entries(SURFACES)) {
    const { executions, faults } = await fuzz(open, { seed: 1, seconds });
    rows.push([name, executions, faults.length]);
  }
  result["fuzz"] = rows.map(([surface, executions, faults]) => ({ surface, executions, faults }));
  print(["surface", `executions in ${seconds} s`, "faults"], rows);
}

function timesOf(ms: readonly number[]) {
  return {
    samples: ms.length,
    p50Ms: percentile(ms, 0.5),
    p99Ms: percentile(ms, 0.99),
    longestMs: percentile(ms, 1),
  };
}

function print(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const oneDigit = (cell: string | number): string | number =>
    typeof cell === "number" ? Number(cell.toFixed(1)) : cell;
  printTable(
    head,
    rows.map((row) => row.map(oneDigit)),
  );
}
