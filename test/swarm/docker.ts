import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { promisify } from "node:util";

const OUTPUT_MAX = 64 * 1024 * 1024;

export type Environment = Readonly<Record<string, string>>;

/** What a command wrote to stdout. Fails with what it wrote to stderr. */
export async function run(
  command: string,
  args: readonly string[],
  env: Environment = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], {
    env: { ...process.env, ...env },
    maxBuffer: OUTPUT_MAX,
  });
  return stdout.trim();
}

/** The same, with its words for people shown as they come. */
export async function runShown(
  command: string,
  args: readonly string[],
  env: Environment = {},
): Promise<void> {
  const child = spawn(command, [...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const code = await exitOf(child);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code ?? "a signal"}`);
}

export async function exitOf(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
}
