import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { transform } from "esbuild";
import type { Mutant } from "./mutant.js";

const COPIED = ["src", "test", "gen", "package.json", "tsconfig.json"];
/** What a cluster of real processes is made of besides. */
const BUILT = ["deploy", "dist/src", "dist/gen", "dist/test"];
const MOCHA = join("node_modules", "mocha", "bin", "mocha.js");
/** Whatever goes on for longer than this hangs, which is noticed too. */
const HANG_MS = 300_000;
/** What a minute of the soak takes at most, with its cluster's start, all of its blows and the wait for what is missing. */
const SOAK_MS = 900_000;

export interface Outcome {
  readonly kind: "passed" | "failed" | "hung";
  readonly seconds: number;
  readonly output: string;
}

/** Cuts a mutant into a source; throws unless the place is there once. */
export function mutate({ name, file, find, replace }: Mutant, source: string): string {
  const pieces = source.split(find);
  if (find === "" || pieces.length !== 2) {
    throw new Error(`${name}: ${file} has its place ${pieces.length - 1} times, not once`);
  }
  return pieces.join(replace);
}

/** A copy of the project in which one mutant at a time is put to the tests. What ships is never touched. */
export class Workshop {
  readonly #directory = mkdtempSync(join(tmpdir(), "mutants-"));

  constructor() {
    for (const name of COPIED) cpSync(name, join(this.#directory, name), { recursive: true });
    symlinkSync(resolve("node_modules"), join(this.#directory, "node_modules"));
  }

  /** Runs something while the mutant is in its place. */
  async with<T>(mutant: Mutant, run: () => Promise<T>): Promise<T> {
    const path = join(this.#directory, mutant.file);
    const source = readFileSync(path, "utf8");
    writeFileSync(path, mutate(mutant, source));
    try {
      return await run();
    } finally {
      writeFileSync(path, source);
    }
  }

  test(files: readonly string[]): Promise<Outcome> {
    return this.#run([MOCHA, "--bail", "--exit", "--reporter", "dot", ...files]);
  }

  simulate(seeds: number): Promise<Outcome> {
    const simulator = join("test", "simulator", "run.ts");
    return this.#run(["--import", "tsx/esm", simulator, "--bail", "--seeds", String(seeds)]);
  }

  /** A minute of it, on a cluster of processes that have the mutant of this file. */
  async soak(file: string): Promise<Outcome> {
    for (const name of BUILT) {
      const copy = join(this.#directory, name);
      if (!existsSync(copy)) cpSync(name, copy, { recursive: true });
    }
    const compiled = join("dist", file.replace(/\.ts$/u, ".js"));
    const source = readFileSync(join(this.#directory, file), "utf8");
    const { code } = await transform(source, { loader: "ts", target: "es2022" });
    writeFileSync(join(this.#directory, compiled), code);
    try {
      const made = await this.#run([join("deploy", "bundle.js")]);
      if (made.kind !== "passed") throw new Error(made.output);
      return await this.#run([join("dist", "test", "soak", "run.js")], SOAK_MS);
    } finally {
      cpSync(compiled, join(this.#directory, compiled));
    }
  }

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }

  #run(args: readonly string[], timeout = HANG_MS): Promise<Outcome> {
    const startMs = performance.now();
    const child = spawn(process.execPath, args, { cwd: this.#directory, timeout });
    let output = "";
    const keep = (chunk: Buffer): void => {
      output = `${output}${chunk.toString()}`.slice(-20_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        const seconds = (performance.now() - startMs) / 1000;
        const kind = signal !== null ? "hung" : code === 0 ? "passed" : "failed";
        resolve({ kind, seconds, output });
      });
    });
  }
}
