import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The directory of package.json: above the sources, and above what is built from them. */
export const PACKAGE_ROOT = findRoot(import.meta.dirname);

function findRoot(directory: string): string {
  if (existsSync(join(directory, "package.json"))) return directory;
  const above = dirname(directory);
  if (above === directory)
    throw new Error("package.json is missing beside dist/: install it again");
  return findRoot(above);
}
