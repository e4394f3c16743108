import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Strictness } from "./compare.js";
import { findScenarioFiles } from "./files.js";
import type { Difference, Outcome } from "./scenario.js";
import { rewriteScenario, runScenario, scenarioKind } from "./scenario.js";

const USAGE =
  "usage: npm run conformance -- [--strictness final|normal|strict] [--rewrite] DIR|FILE...";

/** Runs scenario files of etcd's raft against this core; the exit status is 0 if none fails. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      strictness: { type: "string", default: "normal" },
      rewrite: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const { strictness, rewrite } = values;
  if (!isStrictness(strictness) || positionals.length === 0) {
    console.error(USAGE);
    return 2;
  }
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const path of positionals) {
    const files = await tryFind(path);
    if (files === undefined) return 2;
    for (const file of files) {
      if (rewrite) await rewriteFile(file);
      const outcome = await runFile(file, strictness);
      counts[outcome.kind] += 1;
      report(file, outcome);
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}

async function tryFind(path: string): Promise<string[] | undefined> {
  try {
    return await findScenarioFiles(path);
  } catch (error) {
    console.error(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function rewriteFile(file: string): Promise<void> {
  const text = await readFile(file, "utf8");
  await writeFile(file, rewriteScenario(text, scenarioKind(resolve(file))));
}

async function runFile(file: string, strictness: Strictness): Promise<Outcome> {
  const text = await readFile(file, "utf8");
  try {
    return runScenario(text, scenarioKind(resolve(file)), strictness);
  } catch (error) {
    const actual = [error instanceof Error ? error.message : String(error)];
    return { kind: "failed", difference: { line: 0, directive: "", expected: [], actual } };
  }
}

function report(file: string, outcome: Outcome): void {
  switch (outcome.kind) {
    case "passed":
      console.log(`passed   ${file} (${outcome.directives} directives)`);
      return;
    case "skipped":
      console.log(`skipped  ${file}: ${outcome.reason}`);
      return;
    case "failed":
      console.log(`failed   ${file}`);
      console.log(explain(file, outcome.difference));
  }
}

function explain(file: string, { line, directive, expected, actual }: Difference): string {
  const indent = (lines: readonly string[]): string[] => lines.map((text) => `      ${text}`);
  return [
    `  ${file}:${line}: ${directive}`,
    "    expected:",
    ...indent(expected),
    "    actual:",
    ...indent(actual),
  ].join("\n");
}

function isStrictness(value: string): value is Strictness {
  return value === "final" || value === "normal" || value === "strict";
}

process.exitCode = await main();
