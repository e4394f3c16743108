import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Scenario files at or below a path, in order. A file that is named is taken whatever its ending. */
export async function findScenarioFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const found: string[] = [];
  const entries = await readdir(path, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    const below = join(path, entry.name);
    if (entry.isDirectory()) found.push(...(await findScenarioFiles(below)));
    else if (entry.name.endsWith(".txt")) found.push(below);
  }
  return found;
}
