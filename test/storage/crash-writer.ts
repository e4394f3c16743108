import { expect } from "chai";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Store } from "../../src/runtime/index.js";
import { eventually } from "../support/eventually.js";
import { MEMBERS, stateOf, text } from "./samples.js";

export const CRASH_REPLICA = 7;
const CHILD = fileURLToPath(new URL("crash-child.js", import.meta.url));

export interface Reported {
  readonly word: string;
  readonly lastIndex: number;
  readonly term: number;
}

/** A process that writes rounds into the store in a directory, and says what it was told of each. */
export class CrashWriter {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #output = "";
  #errors = "";

  constructor(directory: string, seed: number) {
    const isSource = import.meta.url.endsWith(".ts");
    const script = isSource ? ["--import", "tsx/esm", CHILD.replace(/\.js$/, ".ts")] : [CHILD];
    const child = spawn(process.execPath, [...script, directory, String(seed)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (this.#output += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (this.#errors += chunk));
    this.#closed = new Promise((resolve) => child.once("close", () => resolve()));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it said when it failed. */
  get errors(): string {
    return this.#errors;
  }

  /** Whole lines alone: the last one may have been cut off. */
  get reported(): readonly Reported[] {
    const whole = this.#output.slice(0, Math.max(0, this.#output.lastIndexOf("\n"))).split("\n");
    return whole.map((line) => {
      const [word = "", lastIndex, term] = line.split(" ");
      return { word, lastIndex: Number(lastIndex), term: Number(term) };
    });
  }

  get acknowledged(): number {
    return this.reported.filter(({ word }) => word === "wrote").length;
  }

  /** So many rounds more were acknowledged. */
  async wrote(rounds: number): Promise<void> {
    const target = this.acknowledged + rounds;
    await eventually(() => this.acknowledged >= target || this.#child.exitCode !== null, {
      timeoutMs: 30_000,
      what: "rounds to be acknowledged",
    });
    expect(this.#child.exitCode, this.#errors).to.equal(null);
  }

  /** Stands still; a system call that was under way has ended. */
  async pause(): Promise<void> {
    this.#child.kill("SIGSTOP");
    const tasks = `/proc/${this.pid}/task`;
    const isStopped = (task: string): boolean =>
      /^State:\s+T/mu.test(readFileSync(`${tasks}/${task}/status`, "utf8"));
    await eventually(() => readdirSync(tasks).every(isStopped), { what: "all threads to stop" });
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
    expect(this.#child.signalCode, this.#errors).to.equal("SIGKILL");
  }

  /** It ends by itself; its exit code. */
  async ended(): Promise<number | null> {
    await this.#closed;
    return this.#child.exitCode;
  }
}

/** What was acknowledged is there, and of the round that was cut off everything or nothing. */
export async function expectAcknowledged(
  store: Store,
  reported: readonly Reported[],
): Promise<void> {
  expect(reported.map(({ word }) => word)).not.to.include("lost");
  const acknowledged = reported.findLast(({ word }) => word === "wrote");
  const newest = reported.at(-1);
  if (acknowledged === undefined || newest === undefined) throw new Error("nothing was written");
  const opened = await store.openReplica(CRASH_REPLICA, MEMBERS);
  expect(opened).not.to.have.property("lost");
  const { firstIndex, lastIndex, applied } = opened;
  const found = await store.readEntries(CRASH_REPLICA, firstIndex, lastIndex + 1, 2 ** 30);
  expect(found).to.have.length(lastIndex + 1 - firstIndex);
  for (const { index, term, data } of found) {
    expect(text(data)).to.equal(`entry ${index} of term ${term}`);
  }
  const end = `${lastIndex} of term ${found.at(-1)?.term ?? opened.precedingTerm}`;
  expect(end).to.be.oneOf([acknowledged, newest].map(endOf));
  expect(await stateOf(store, CRASH_REPLICA)).to.deep.equal(
    applied.index === 0 ? [] : [`applied=${applied.index}`],
  );
}

function endOf({ lastIndex, term }: Reported): string {
  return `${lastIndex} of term ${term}`;
}
