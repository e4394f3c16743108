import { parseArgs } from "node:util";
import { Report } from "./report.js";
import { simulate } from "./simulation.js";

const PROGRESS_SEEDS = 500;
const STACK_LINES = 6;

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    seed: { type: "string", default: "1" },
    minutes: { type: "string" },
    trace: { type: "boolean", default: false },
    bail: { type: "boolean", default: false },
  },
});

const first = Number(values.seed);
const minutes = Number(values.minutes ?? "Infinity");
const seeds = Number(values.seeds ?? (values.minutes === undefined ? "1" : "Infinity"));
const startMs = performance.now();
const seconds = (): number => (performance.now() - startMs) / 1000;
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const report = new Report();

for (let seed = first; seed < first + seeds && seconds() < minutes * 60; seed++) {
  const result = await simulate(seed, values.trace ? say : undefined);
  report.add(result);
  if (result.broken !== undefined) {
    say(`seed ${seed}: ${result.broken.message}`);
    // A broken promise says all; anything else is a fault of the program, and its place matters.
    const { cause, name } = result.broken;
    const culprit = cause instanceof Error ? cause : result.broken;
    if (name !== "PromiseBroken") say(firstLines(culprit.stack ?? ""));
    say(`  replay: npm run simulate -- --seeds 1 --seed ${seed} --trace`);
  }
  if (values.bail && report.broken > 0) break;
  if (report.seeds % PROGRESS_SEEDS === 0) say(report.lines(seconds())[0] ?? "");
}
for (const line of report.lines(seconds())) say(line);
process.exitCode = report.broken === 0 ? 0 : 1;

function firstLines(stack: string): string {
  return stack.split("\n").slice(0, STACK_LINES).join("\n");
}
