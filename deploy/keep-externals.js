/**
 * Leaves in a directory of packages (the argument) those that the bundled program still loads from there, with all that these
 * depend on. Everything else is in the program's own files.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { EXTERNALS } from "./externals.js";

const [packages = "node_modules"] = process.argv.slice(2);
const kept = new Set();
const wanted = [...EXTERNALS];
for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
  const file = path.join(packages, name, "package.json");
  // An optional one is there on the machines that it is for.
  if (kept.has(name) || !existsSync(file)) continue;
  kept.add(name);
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(file, "utf8"));
  wanted.push(...Object.keys(dependencies), ...Object.keys(optionalDependencies));
}
for (const name of EXTERNALS) {
  if (!kept.has(name)) throw new Error(`${name} is not in ${packages}: install it first`);
}
for (const entry of readdirSync(packages)) {
  if (!entry.startsWith("@")) {
    if (!kept.has(entry)) remove(entry);
    continue;
  }
  const scoped = readdirSync(path.join(packages, entry)).map((name) => `${entry}/${name}`);
  for (const name of scoped) if (!kept.has(name)) remove(name);
  if (!scoped.some((name) => kept.has(name))) remove(entry);
}

function remove(name) {
  rmSync(path.join(packages, name), { recursive: true });
}
