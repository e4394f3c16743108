/**
 * The agenda alone: the state machine on a store on the disk, a shard of one replica in one process, with few events and with
 * many. What it costs must not depend on how many there are.
 */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os, { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { DEFAULT_LIMITS } from "../../../src/runtime/limits.js";
import { DAY_MS } from "../../support/agenda.js";
import type { Measured } from "../closed-loop.js";
import { flag } from "../flag.js";
import { ANY_GET, BARE_ROW, LOAD_NAMES } from "./messages.js";
import type { LoadName, ShardAnswer, ShardOrder } from "./messages.js";
import { printTable } from "../print-table.js";

const RATIO_MAX = 1.5;
const MIB = 2 ** 20;
/** Of any event, so read from the database where there are many: compared with few of which as small a part is in memory. */
const DISK_LOADS: readonly LoadName[] = [ANY_GET, BARE_ROW, "update"];

const events = Number(flag("events", "1000000"));
const seed = Number(flag("seed", "1"));
const seconds = Number(flag("seconds", "5"));
const few = Math.min(Number(flag("few", "10000")), events);

type Filled = Extract<ShardAnswer, { kind: "filled" }>;
type Sized = Extract<ShardAnswer, { kind: "measured" }>;

interface Size {
  readonly filled: Filled;
  readonly measured: Sized;
  /** With as small a part of its state in memory as the large one has. */
  readonly tight: Sized;
}

const small = await measureSize(few);
const large = await measureSize(events);
/** How many times the CPU that one call costs is larger with many events. */
const ratios = Object.fromEntries(
  LOAD_NAMES.map((name) => [name, microsOf(large.measured, name) / microsOf(fewOf(name), name)]),
);
const machine = `${os.cpus().length} x ${os.cpus()[0]?.model ?? "?"}, Node ${process.version}`;
print();
const toMemory = Object.fromEntries(
  DISK_LOADS.filter((name) => name !== BARE_ROW).map((name) => {
    const inMemory = microsOf(small.measured, name);
    const times = microsOf(large.measured, name) / inMemory;
    console.log(
      `${name} where all ${small.filled.events} events are in memory: ${inMemory.toFixed(0)} us; ` +
        `from the database, of ${large.filled.events}, ${times.toFixed(2)} times that`,
    );
    return [name, times];
  }),
);
console.log(JSON.stringify({ machine, seed, seconds, small, large, ratios, toMemory }));
const judged = LOAD_NAMES.filter((name) => name !== BARE_ROW);
const slow = judged.filter((name) => !((ratios[name] ?? NaN) <= RATIO_MAX));
if (slow.length > 0) {
  console.error(`more than ${RATIO_MAX} times dearer with many events: ${slow.join(", ")}`);
  process.exitCode = 1;
}

function fewOf(name: LoadName): Sized {
  return DISK_LOADS.includes(name) ? small.tight : small.measured;
}

function loadOf({ loads }: Sized, name: LoadName): Measured {
  const load = loads[name];
  if (load === undefined) throw new Error(`${name} was not measured`);
  return load;
}

function microsOf(measured: Sized, name: LoadName): number {
  return loadOf(measured, name).cpuMicrosPerCall;
}
/** It is killed in between, so that it starts as after a crash. */
async function measureSize(count: number): Promise<Size> {
  const directory = mkdtempSync(path.join(tmpdir(), "cabildo-agenda-"));
  const order = { directory, events: count, seed, seconds, firstMs: Date.now() + DAY_MS };
  const measure = async (
    loads: readonly LoadName[],
    cacheBytes = DEFAULT_LIMITS.cacheBytesMax,
  ): Promise<Sized> => {
    process.stderr.write("measuring\n");
    const answer = await inProcess({ kind: "measure", ...order, loads, cacheBytes });
    if (answer.kind !== "measured") throw new Error("out of step");
    return answer;
  };
  try {
    process.stderr.write(`filling a shard with ${count} events\n`);
    const filled = await inProcess({ kind: "fill", ...order, loads: [] });
    if (filled.kind !== "filled") throw new Error("out of step");
    const measured = await measure(LOAD_NAMES);
    const cacheBytes = (DEFAULT_LIMITS.cacheBytesMax * count) / events;
    const tight = count === events ? measured : await measure(DISK_LOADS, cacheBytes);
    return { filled, measured, tight };
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

function print(): void {
  const [x, y] = [small.filled.events, large.filled.events];
  const rows = LOAD_NAMES.map((name) => {
    const cells = [fewOf(name), large.measured].flatMap((measured) => {
      const { perSecond, cpuMicrosPerCall, p99Ms, failures } = loadOf(measured, name);
      const failed = failures === 0 ? "" : ` (${failures} failed)`;
      return [
        `${Math.round(perSecond)}${failed}`,
        Math.round(1e6 / cpuMicrosPerCall),
        p99Ms.toFixed(1),
      ];
    });
    return [name, ...cells, (ratios[name] ?? NaN).toFixed(2)];
  });
  console.log(`\n${machine}; a shard of one replica, callers in its process\n`);
  const measures = ["per second", "a core", "p99 ms"];
  printTable(
    ["", ...measures.map((m) => `${x}: ${m}`), ...measures.map((m) => `${y}: ${m}`), "ratio"],
    rows,
  );
  printTable(
    [
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
    [small, large].map(({ filled, measured }) => [
      filled.events,
      measured.eventBytes,
      filled.seconds.toFixed(1),
      Math.round(filled.storeBytes / MIB),
      Math.round(measured.restartMs),
      Math.round(measured.restedRssBytes / MIB),
      Math.round(measured.rssBytes / MIB),
      Math.round(measured.peakRssBytes / MIB),
      Math.round(filled.peakRssBytes / MIB),
    ]),
  );
}
