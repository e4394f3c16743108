/**
 * The agenda alone: the state machine on a store on the disk, a shard of one replica in one process, with few events and with
 * many. What it costs must not depend on how many there are.
 */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os, { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { DAY_MS } from "../../support/agenda.js";
import { flag } from "../flag.js";
import { LOAD_NAMES } from "./messages.js";
import type { ShardAnswer, ShardOrder } from "./messages.js";

const RATIO_MAX = 1.5;
const MIB = 2 ** 20;

const events = Number(flag("events", "1000000"));
const seed = Number(flag("seed", "1"));
const seconds = Number(flag("seconds", "5"));
const few = Math.min(Number(flag("few", "10000")), events);

interface Size {
  readonly filled: Extract<ShardAnswer, { kind: "filled" }>;
  readonly measured: Extract<ShardAnswer, { kind: "measured" }>;
}

const small = await measureSize(few);
const large = await measureSize(events);

const machine = `${os.cpus().length} x ${os.cpus()[0]?.model ?? "?"}, Node ${process.version}`;
const ratios = print(small, large);
console.log(JSON.stringify({ machine, seed, seconds, small, large, ratios }));
const slow = LOAD_NAMES.filter((name) => ratios[name] > RATIO_MAX);
if (slow.length > 0) {
  console.error(`more than ${RATIO_MAX} times dearer with many events: ${slow.join(", ")}`);
  process.exitCode = 1;
}

/** It is killed in between, so that it starts as after a crash. */
async function measureSize(count: number): Promise<Size> {
  const directory = mkdtempSync(path.join(tmpdir(), "cabildo-agenda-"));
  const order = { directory, events: count, seed, seconds, firstMs: Date.now() + DAY_MS };
  try {
    process.stderr.write(`filling a shard with ${count} events\n`);
    const filled = await inProcess({ kind: "fill", ...order });
    process.stderr.write("measuring\n");
    const measured = await inProcess({ kind: "measure", ...order });
    if (filled.kind !== "filled" || measured.kind !== "measured") throw new Error("out of step");
    return { filled, measured };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function inProcess(order: ShardOrder): Promise<ShardAnswer> {
  const child = fork(fileURLToPath(new URL("./shard-process.js", import.meta.url)));
  return new Promise((resolve, reject) => {
    let answer: ShardAnswer | undefined;
    child.once("message", (message) => {
      answer = message as ShardAnswer;
      child.kill("SIGKILL");
    });
    child.once("exit", () => {
      if (answer === undefined) reject(new Error("the process of the shard ended"));
      else resolve(answer);
    });
    child.send(order);
  });
}

/** How many times the CPU that one call costs is larger with many events. */
function print(a: Size, b: Size): Readonly<Record<(typeof LOAD_NAMES)[number], number>> {
  const ratioOf = (name: (typeof LOAD_NAMES)[number]): number =>
    b.measured.loads[name].cpuMicrosPerCall / a.measured.loads[name].cpuMicrosPerCall;
  const [x, y] = [a.filled.events, b.filled.events];
  const table = new Table({
    head: [
      "",
      `${x}: per second`,
      "a core",
      "p99 ms",
      `${y}: per second`,
      "a core",
      "p99 ms",
      "ratio",
    ],
    style: { head: [] },
  });
  for (const name of LOAD_NAMES) {
    const cells = [a, b].flatMap(({ measured }) => {
      const { perSecond, cpuMicrosPerCall, p99Ms, failures } = measured.loads[name];
      const failed = failures === 0 ? "" : ` (${failures} failed)`;
      return [
        `${Math.round(perSecond)}${failed}`,
        Math.round(1e6 / cpuMicrosPerCall),
        p99Ms.toFixed(1),
      ];
    });
    table.push([name, ...cells, ratioOf(name).toFixed(2)]);
  }
  console.log(`\n${machine}; a shard of one replica, callers in its process\n`);
  console.log(table.toString());
  const sizes = new Table({
    head: [
      "events",
      "bytes each",
      "filled in s",
      "store MiB",
      "restart ms",
      "RSS MiB at first",
      "after load",
      "at most",
      "filling",
    ],
    style: { head: [] },
  });
  for (const { filled, measured } of [a, b]) {
    sizes.push([
      filled.events,
      measured.eventBytes,
      filled.seconds.toFixed(1),
      Math.round(filled.storeBytes / MIB),
      Math.round(measured.restartMs),
      Math.round(measured.restedRssBytes / MIB),
      Math.round(measured.rssBytes / MIB),
      Math.round(measured.peakRssBytes / MIB),
      Math.round(filled.peakRssBytes / MIB),
    ]);
  }
  console.log(sizes.toString());
  return Object.fromEntries(LOAD_NAMES.map((name) => [name, ratioOf(name)])) as Record<
    (typeof LOAD_NAMES)[number],
    number
  >;
}
