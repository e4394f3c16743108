import { Option } from "commander";

export const DATA_DIR = process.env["CABILDO_DIR"] ?? ".cabildo";
export const DATA_OPTION = [
  "--data <dir>",
  "directory of the cluster; also from the environment, CABILDO_DIR",
] as const;

export type Output = "table" | "json";
/** What a program reads, or a person. */
export const OUTPUT_OPTION = new Option("-o, --output <form>", "how the answer is written")
  .choices(["table", "json"])
  .default("table");

/** The same by the name that scripts know. */
export const JSON_OPTION = new Option("--json").implies({ output: "json" }).hideHelp();

/** A word to the person at the terminal; stdout is for what a program may read. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** What a command was asked for. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** For the help of a command, without the program's name. */
export function examples(...lines: readonly string[]): string {
  const head = lines.length === 1 ? "Example" : "Examples";
  return `\n${head}:\n${lines.map((line) => `  cabildo ${line}`).join("\n")}`;
}

/** The command was called in a way that cannot work: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** For commander: a whole number of an option. */
export function parseWhole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new UsageError(`${text} is not a whole number`);
  }
  return value;
}
