import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { text } from "node:stream/consumers";

export type Environment = Readonly<Record<string, string>>;

export interface RunOptions {
  /** Beside that of this process. */
  readonly env?: Environment;
  /** Ends the command, and what it started. */
  readonly signal?: AbortSignal;
  /** Whether its words for people are shown as they come. */
  readonly shown?: boolean;
}

/** What a command wrote to stdout. Fails with what it wrote to stderr, unless that was shown. */
export async function run(
  command: string,
  args: readonly string[],
  { env, signal, shown = false }: RunOptions = {},
): Promise<string> {
  signal?.throwIfAborted();
  const child = spawn(command, [...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", shown ? "inherit" : "pipe"],
    // In a group of its own: Ctrl-C is ours, and ends all that it started.
    detached: true,
  });
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
  };
  signal?.addEventListener("abort", end);
  try {
    const [code, output, complaint] = await Promise.all([
      exitOf(child),
      child.stdout === null ? "" : text(child.stdout),
      child.stderr === null ? "" : text(child.stderr),
    ]);
    signal?.throwIfAborted();
    if (code === 0) return output.trim();
    throw new Error(`${command} ${args.join(" ")} ended with ${code ?? "a signal"}\n${complaint}`);
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

export async function exitOf(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
}
