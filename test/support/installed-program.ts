import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { repositoryRoot } from "./up-cluster.js";

/** The command that the older of the two versions does not know, as code and protocol name it. */
const KIND = "update-calendar";
const CASE = "updateCalendar";

export type ProgramVersion = "older" | "newer";

/**
 * The built program in a directory of its own, as two versions that follow each other: the newer one adds a command, and a
 * feature level for it. Putting one in place of the other changes files, and no process that runs.
 */
export class InstalledProgram {
  /** The feature level of the older version. */
  readonly level: number;
  readonly #root = mkdtempSync(path.join(tmpdir(), "cabildo-program-"));
  readonly #versions: Readonly<Record<ProgramVersion, ReadonlyMap<string, string>>>;

  constructor() {
    const from = repositoryRoot();
    for (const name of ["package.json", "node_modules"]) {
      symlinkSync(path.join(from, name), path.join(this.#root, name));
    }
    cpSync(path.join(from, "dist/program"), this.#program, {
      recursive: true,
      filter: (file) => !file.endsWith(".map"),
    });
    symlinkSync("program/cabildo.js", this.cabildo);
    const scripts = readdirSync(this.#program).filter((name) => name.endsWith(".js"));
    const texts = new Map(scripts.map((name) => [name, this.#read(name)]));
    this.level = Number(found(texts, /^var FEATURE_LEVEL = (\d+);$/mu));
    this.#versions = { older: withoutCommand(texts), newer: withLevel(texts, this.level + 1) };
  }

  get cabildo(): string {
    return path.join(this.#root, "dist/cabildo");
  }

  put(version: ProgramVersion): void {
    for (const [name, text] of this.#versions[version]) {
      writeFileSync(path.join(this.#program, name), text);
    }
  }

  remove(): void {
    rmSync(this.#root, { recursive: true });
  }

  get #program(): string {
    return path.join(this.#root, "dist/program");
  }

  #read(name: string): string {
    return readFileSync(path.join(this.#program, name), "utf8");
  }
}

/** It takes the command for one of a version after its own. */
function withoutCommand(texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const known = new RegExp(`case "${CASE}":\\s+(return hasUnknown\\([^;]+;)`, "u");
  return replaced(texts, known, `  $1\n    case "${CASE}":\n      return true;`);
}

function withLevel(texts: ReadonlyMap<string, string>, level: number): ReadonlyMap<string, string> {
  const raised = replaced(texts, /^var FEATURE_LEVEL = \d+;$/mu, `var FEATURE_LEVEL = ${level};`);
  const later = /^var LATER = .*new Map\(\[/mu;
  return replaced(raised, later, `var LATER = new Map([["${KIND}", ${level}], `);
}

function found(texts: ReadonlyMap<string, string>, pattern: RegExp): string {
  const matches = [...texts.values()].flatMap((text) => pattern.exec(text) ?? []);
  const [, value] = matches;
  if (value === undefined) throw new Error(`the program has no ${String(pattern)}`);
  return value;
}

/** In the one place where it stands. */
function replaced(
  texts: ReadonlyMap<string, string>,
  pattern: RegExp,
  by: string,
): ReadonlyMap<string, string> {
  const places = [...texts].filter(([, text]) => pattern.test(text));
  const [place] = places;
  if (place === undefined || places.length > 1) {
    throw new Error(`the program has ${String(pattern)} in ${places.length} files, not in one`);
  }
  const [name, text] = place;
  return new Map(texts).set(name, text.replace(pattern, by));
}
