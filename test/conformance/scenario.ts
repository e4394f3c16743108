import { FinalState, isSame, withoutLog } from "./compare.js";
import type { Strictness } from "./compare.js";
import { MembershipScenario } from "./confchange.js";
import type { Directive } from "./datadriven.js";
import { parseScenario } from "./datadriven.js";
import { Interaction } from "./interaction.js";
import { runQuorum } from "./quorum.js";

export type ScenarioKind = "interaction" | "confchange" | "quorum";

export interface Difference {
  readonly line: number;
  readonly directive: string;
  readonly expected: readonly string[];
  readonly actual: readonly string[];
}

export type Outcome =
  | { readonly kind: "passed"; readonly directives: number }
  | { readonly kind: "failed"; readonly difference: Difference }
  | { readonly kind: "skipped"; readonly reason: string };

/** Decided by the nearest folder whose name says it; `testdata` says what the folder that it is in does. */
export function scenarioKind(path: string): ScenarioKind {
  const folders = path.split(/[\\/]/).slice(0, -1).reverse();
  for (const [at, folder] of folders.entries()) {
    const parent = folder === "testdata" ? folders[at + 1] : folder;
    if (parent === "confchange" || parent === "quorum") return parent;
    if (folder === "interaction" || folder === "testdata") return "interaction";
  }
  return "interaction";
}

export function runScenario(text: string, kind: ScenarioKind, strictness: Strictness): Outcome {
  const directives = parseScenario(text);
  if (directives.length === 0) return { kind: "skipped", reason: "no directives" };
  const run = runnerOf(kind);
  const final = { expected: new FinalState(), actual: new FinalState() };
  for (const directive of directives) {
    const expected = withoutLog(directive.expected);
    const output = tryRun(run, directive);
    if (output instanceof Error) return failed(directive, expected, [output.message]);
    const actual = withoutLog(output);
    final.expected.note(directive, expected);
    final.actual.note(directive, actual);
    // The other kinds print their whole state each time.
    const how = strictness === "final" && kind !== "interaction" ? "normal" : strictness;
    if (how !== "final" && !isSame(actual, expected, how)) {
      return failed(directive, expected, actual);
    }
  }
  const last = directives.at(-1);
  const expected = final.expected.lines();
  const actual = final.actual.lines();
  if (last !== undefined && !isSame(actual, expected, "strict")) {
    const without = (lines: string[], known: string[]): string[] =>
      lines.filter((line) => !known.includes(line));
    return failed(last, without(expected, actual), without(actual, expected));
  }
  return { kind: "passed", directives: directives.length };
}

/** The same scenario with the outputs that it has now, for whoever writes one: read every line before keeping it. */
export function rewriteScenario(text: string, kind: ScenarioKind): string {
  const run = runnerOf(kind);
  const lines = text.split("\n");
  const rewritten: string[] = [];
  let at = 0;
  for (const directive of parseScenario(text)) {
    rewritten.push(...lines.slice(at, directive.from), ...run(directive));
    at = directive.to;
  }
  return [...rewritten, ...lines.slice(at)].join("\n");
}

/** What a node refuses is output, and may be expected; a broken invariant never is. */
function tryRun(run: (directive: Directive) => string[], directive: Directive): string[] | Error {
  try {
    return run(directive);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function runnerOf(kind: ScenarioKind): (directive: Directive) => string[] {
  switch (kind) {
    case "interaction": {
      const interaction = new Interaction();
      return (directive) => interaction.run(directive);
    }
    case "confchange": {
      const scenario = new MembershipScenario();
      return (directive) => scenario.run(directive);
    }
    case "quorum":
      return runQuorum;
  }
}

function failed(directive: Directive, expected: string[], actual: string[]): Outcome {
  const words = [directive.command, ...directive.args.map(describeArgument)];
  const difference = { line: directive.line, directive: words.join(" "), expected, actual };
  return { kind: "failed", difference };
}

function describeArgument({ key, values }: { key: string; values: readonly string[] }): string {
  if (values.length === 0) return key;
  return values.length === 1 ? `${key}=${values.join("")}` : `${key}=(${values.join(",")})`;
}
