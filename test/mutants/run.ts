/**
 * Puts one bug after the other into a copy of the source, and shows which test or simulated life notices it, and how soon.
 * `--only NAME,NAME` tries some; `--verbose` shows what was said; `--soak` puts what every subscriber is promised to a minute of
 * the soak instead.
 */
import Table from "cli-table3";
import { parseArgs } from "node:util";
import { MUTANTS } from "./all.js";
import type { Mutant } from "./mutant.js";
import { Workshop } from "./workshop.js";

interface Verdict {
  readonly mutant: Mutant;
  /** Undefined if it survived. */
  readonly killer: string | undefined;
  readonly seconds: number;
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    verbose: { type: "boolean", default: false },
    soak: { type: "boolean", default: false },
  },
});
const only = values.only?.split(",");
const chosen = MUTANTS.filter(({ name }) => only?.includes(name) ?? true).filter(
  ({ soak }) => !values.soak || soak === true,
);
const workshop = new Workshop();
const verdicts: Verdict[] = [];
try {
  if (!values.soak) await requireSound();
  for (const mutant of chosen) {
    const verdict = await workshop.with(mutant, () =>
      values.soak ? judgeBySoak(mutant) : judge(mutant),
    );
    verdicts.push(verdict);
    console.log(
      `${mutant.name}: ${verdict.killer ?? "SURVIVED"} (${verdict.seconds.toFixed(1)} s)`,
    );
  }
} finally {
  workshop.close();
}

const table = new Table({
  head: ["mutant", "bug", "killed by", "s"],
  style: { head: [], border: [] },
});
for (const { mutant, killer, seconds } of verdicts) {
  table.push([mutant.name, mutant.bug, killer ?? "survived", seconds.toFixed(1)]);
}
console.log(table.toString());
const killed = verdicts.filter(({ killer }) => killer !== undefined).length;
console.log(`${killed} of ${verdicts.length} killed`);
process.exitCode = killed === verdicts.length ? 0 : 1;

/** A test that fails anyway would kill anything. */
async function requireSound(): Promise<void> {
  const files = [...new Set(chosen.flatMap(({ tests }) => tests))];
  if (files.length === 0) return;
  const { kind, output } = await workshop.test(files);
  if (kind !== "passed") throw new Error(`the tests fail without any mutant:\n${output}`);
}

async function judge(mutant: Mutant): Promise<Verdict> {
  let seconds = 0;
  for (const file of mutant.tests) {
    const outcome = await workshop.test([file]);
    seconds += outcome.seconds;
    if (values.verbose) console.log(outcome.output);
    if (outcome.kind === "passed") continue;
    return { mutant, killer: outcome.kind === "hung" ? `${file} hangs` : file, seconds };
  }
  if (mutant.seeds === 0) return { mutant, killer: undefined, seconds };
  const outcome = await workshop.simulate(mutant.seeds);
  seconds += outcome.seconds;
  if (values.verbose) console.log(outcome.output);
  if (outcome.kind === "passed") return { mutant, killer: undefined, seconds };
  const [said = "simulation"] = /seed \d+: .*/u.exec(outcome.output) ?? [];
  return { mutant, killer: said.slice(0, 100), seconds };
}

async function judgeBySoak(mutant: Mutant): Promise<Verdict> {
  const { kind, output, seconds } = await workshop.soak(mutant.file);
  if (values.verbose) console.log(output);
  // Too slow a machine notices nothing.
  if (kind === "hung") throw new Error(`the soak of ${mutant.name} did not end in ${seconds} s`);
  if (kind === "passed") return { mutant, killer: undefined, seconds };
  return { mutant, killer: `soak: ${output.trimEnd().split("\n").at(-1) ?? ""}`, seconds };
}
