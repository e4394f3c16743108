import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { eventually } from "./eventually.js";

/** A fenced block of a document: its language, the words behind that, and what stands in it. */
export interface Block {
  readonly language: string;
  readonly words: readonly string[];
  readonly text: string;
  readonly line: number;
}

const FENCE = /^```(\S+)([^\n]*)\n([\s\S]*?)^```$/gmu;
const SHOWN_LINES = 40;

export function blocksOf(document: string): readonly Block[] {
  return [...document.matchAll(FENCE)].map(
    ({ 1: language = "", 2: rest = "", 3: text = "", index }) => ({
      language,
      words: rest.trim().split(" ").filter(Boolean),
      text,
      line: document.slice(0, index).split("\n").length,
    }),
  );
}

/** A shell that a document's blocks are typed into, one after the other, as by someone who reads it. */
export class Terminal {
  readonly #directory: string;
  readonly #shell: ChildProcessWithoutNullStreams;
  #output = "";
  /** Where in the output what the next lines are looked for in begins. */
  #from = 0;
  #blocks = 0;

  constructor(directory: string, env: NodeJS.ProcessEnv, prelude: string) {
    this.#directory = directory;
    this.#shell = spawn("bash", ["--noprofile", "--norc", "-e"], {
      cwd: directory,
      env,
      detached: true,
    });
    const hear = (chunk: Buffer): void => {
      this.#output += chunk.toString();
    };
    this.#shell.stdout.on("data", hear);
    this.#shell.stderr.on("data", hear);
    // A command that failed ended the shell: whoever types next is told so.
    this.#shell.stdin.on("error", () => undefined);
    this.#shell.stdin.write(`exec 2>&1\n${prelude}\n`);
  }

  get isOver(): boolean {
    return this.#shell.exitCode !== null || this.#shell.signalCode !== null;
  }

  /** Types a block whose last command stays in the foreground. */
  begin(text: string): void {
    this.#from = this.#output.length;
    const file = path.join(this.#directory, `.block-${this.#shell.pid}-${this.#blocks++}.sh`);
    writeFileSync(file, text);
    // From a file, so that nothing in the block can read the rest of what is typed.
    this.#shell.stdin.write(`. ${file} < /dev/null\n`);
  }

  /** Types a block and waits until all of it was done; fails with its first command that fails. */
  async run(text: string): Promise<void> {
    this.begin(text);
    await this.#prompt();
  }

  /** Ctrl-C, and until what ran has ended. */
  async interrupt(): Promise<void> {
    this.#signal("SIGINT");
    await this.#prompt();
  }

  /** Waits until the lines have come, in this order; `...` stands for anything. */
  async expect(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      const pattern = new RegExp(
        `^\\s*${line.trim().split("...").map(escape).join(".*")}\\s*$`,
        "mu",
      );
      await eventually(
        () => {
          const found = pattern.exec(this.#output.slice(this.#from));
          if (found === null) return false;
          this.#from += found.index + found[0].length;
          return true;
        },
        { timeoutMs: this.isOver ? 1000 : 90_000, what: `the line ${line}\nin\n${this.#tail()}` },
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\nbut what came was\n${this.#tail()}`);
      });
    }
  }

  async end(): Promise<void> {
    if (this.isOver) return;
    const ended = new Promise((resolve) => this.#shell.once("exit", resolve));
    this.#shell.stdin.end("exit\n");
    this.#signal("SIGINT");
    const timer = setTimeout(() => this.#signal("SIGKILL"), 20_000);
    await ended;
    clearTimeout(timer);
  }

  async #prompt(): Promise<void> {
    const mark = `done ${this.#blocks++} of ${this.#shell.pid}`;
    this.#shell.stdin.write(`echo; echo "${mark}"\n`);
    await eventually(() => this.isOver || this.#output.includes(`\n${mark}\n`), {
      timeoutMs: 180_000,
      what: `a command to end\n${this.#tail()}`,
    });
    if (this.isOver) throw new Error(`a command failed:\n${this.#tail()}`);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#shell.pid !== undefined && !this.isOver) process.kill(-this.#shell.pid, signal);
  }

  #tail(): string {
    return this.#output.split("\n").slice(-SHOWN_LINES).join("\n");
  }
}

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/gu, "\\$&");
