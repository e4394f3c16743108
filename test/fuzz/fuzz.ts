import { SeededRandom } from "../raft/seeded-random.js";
import type { OpenTarget, Target } from "./target.js";

/** Whoever does not answer for so long hangs. */
const ANSWER_MS = 20_000;
/** Answers that say that the fault is ours. */
const OUR_FAULT = /^(?:internal|unknown|data_loss|http 50[02])$/iu;
const CASE_STRIDE = 0x9e3779b1;

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  /** At most so many. Default: as many as there is time for. */
  readonly executions?: number;
}

export interface FuzzResult {
  readonly executions: number;
  /** How often each answer came. */
  readonly answers: ReadonlyMap<string, number>;
  /** What must not be, with the number of the case. */
  readonly faults: readonly string[];
}

/**
 * Sends one case after the other until the time is over or something is wrong. The seed determines every case, and with
 * them what the other side has been through.
 */
export async function fuzz(open: OpenTarget, options: FuzzOptions): Promise<FuzzResult> {
  const { seed, seconds, executions: executionsMax = Infinity } = options;
  const target = await open();
  const crashes = new Crashes();
  const faults: string[] = [];
  const answers = new Map<string, number>();
  const prototype = prototypeOf();
  let executions = 0;
  try {
    const endMs = performance.now() + seconds * 1000;
    while (performance.now() < endMs && executions < executionsMax && faults.length === 0) {
      executions++;
      const random = new SeededRandom(seed + Math.imul(executions, CASE_STRIDE));
      const answer = await answerOf(target, random);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      const found = [...target.faults(), ...crashes.seen];
      if (OUR_FAULT.test(answer) || answer.startsWith("!")) found.unshift(answer);
      if (prototypeOf() !== prototype) found.push("Object.prototype has changed");
      faults.push(...found.map((what) => `case ${executions}: ${what}`));
    }
  } finally {
    await target.close();
    crashes.close();
  }
  return { executions, answers, faults };
}

async function answerOf(target: Target, random: SeededRandom): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`! no answer within ${ANSWER_MS / 1000} s`), ANSWER_MS);
  });
  try {
    return await Promise.race([target.run(random), late]);
  } catch (cause) {
    return `! ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`;
  } finally {
    clearTimeout(timer);
  }
}

const prototypeOf = (): string => Reflect.ownKeys(Object.prototype).map(String).join();

/** Whatever would have ended the process. */
class Crashes {
  readonly seen: string[] = [];
  readonly #exit = process.exit.bind(process);
  readonly #note = (cause: unknown): void => {
    this.seen.push(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
  };

  constructor() {
    process.on("uncaughtException", this.#note);
    process.on("unhandledRejection", this.#note);
    process.exit = (code) => {
      this.#note(new Error(`the process ended with code ${code}`));
      throw new Error("ended");
    };
  }

  close(): void {
    process.off("uncaughtException", this.#note);
    process.off("unhandledRejection", this.#note);
    process.exit = this.#exit;
  }
}
