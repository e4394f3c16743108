import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.js";
import { SURFACES } from "./surfaces.js";

const names = Object.keys(SURFACES);
const { values } = parseArgs({
  options: {
    surface: { type: "string" },
    seconds: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(values.seed);
const seconds = Number(values.seconds);
const wanted = values.surface === undefined ? names : [values.surface];

for (const name of wanted) {
  const open = SURFACES[name];
  if (open === undefined) throw new Error(`--surface is one of ${names.join(", ")}`);
  const { executions, answers, faults } = await fuzz(open, { seed, seconds });
  const said = [...answers].sort((a, b) => b[1] - a[1]).map(([what, count]) => `${what} ${count}`);
  process.stdout.write(`${name}: ${executions} executions (${said.slice(0, 12).join(", ")})\n`);
  for (const fault of faults) process.stdout.write(`  ${fault}\n`);
  if (faults.length > 0) {
    process.exitCode = 1;
    const again = `--surface ${name} --seed ${seed} --seconds ${seconds}`;
    process.stdout.write(`  again: npm run fuzz -- ${again}\n`);
  }
}
