import { ConnectError } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";

/** What a client saw of its calls that began between two words of the test. */
export interface PhaseReport {
  readonly phase: string;
  readonly writes: number;
  readonly reads: number;
  /** Calls that failed for the program, after all retries of the client library. */
  readonly failedCalls: number;
  /** Tries over the wire, and those of them that failed, by why. */
  readonly attempts: number;
  readonly failedAttempts: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

class Phase {
  readonly name: string;
  writes = 0;
  reads = 0;
  failedCalls = 0;
  attempts = 0;
  readonly failedAttempts = new Map<string, number>();
  readonly tookMs: number[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get report(): PhaseReport {
    const tookMs = [...this.tookMs].sort((a, b) => a - b);
    const quantile = (q: number): number => Math.round(tookMs[Math.floor(tookMs.length * q)] ?? 0);
    return {
      phase: this.name,
      writes: this.writes,
      reads: this.reads,
      failedCalls: this.failedCalls,
      attempts: this.attempts,
      failedAttempts: Object.fromEntries(this.failedAttempts),
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      maxMs: Math.round(tookMs.at(-1) ?? 0),
    };
  }
}

/** Counts by what the test is doing meanwhile. */
export class Phases {
  #current: Phase;
  readonly #all: Phase[];

  constructor(first: string) {
    this.#current = new Phase(first);
    this.#all = [this.#current];
  }

  begin(name: string): void {
    this.#current = new Phase(name);
    this.#all.push(this.#current);
  }

  get reports(): readonly PhaseReport[] {
    return this.#all.map(({ report }) => report);
  }

  /** What of one caller, who makes one call at a time. */
  caller(name: string): Caller {
    return new Caller(name, () => this.#current);
  }
}

/** Whoever makes one call after the other. */
export class Caller {
  readonly #name: string;
  readonly #phase: () => Phase;
  /** Of the call that is open: where it was tried, how long, and what came of it. */
  #tries: string[] = [];

  constructor(name: string, phase: () => Phase) {
    this.#name = name;
    this.#phase = phase;
  }

  async write<T>(what: string, call: () => Promise<T>): Promise<T> {
    return await this.#call(what, "writes", call);
  }

  async read<T>(what: string, call: () => Promise<T>): Promise<T> {
    return await this.#call(what, "reads", call);
  }

  /** Counts each try, where a call of the library goes over the wire. */
  counted(address: string, inner: Transport): Transport {
    return {
      unary: async (...call) => {
        const phase = this.#phase();
        phase.attempts++;
        const startMs = performance.now();
        try {
          return await inner.unary(...call);
        } catch (cause) {
          const { message } = ConnectError.from(cause);
          phase.failedAttempts.set(message, (phase.failedAttempts.get(message) ?? 0) + 1);
          this.#tries.push(`${address} ${seconds(performance.now() - startMs)} ${message}`);
          throw cause;
        }
      },
      stream: (...call) => inner.stream(...call),
    };
  }

  async #call<T>(what: string, kind: "reads" | "writes", call: () => Promise<T>): Promise<T> {
    const phase = this.#phase();
    this.#tries = [];
    const startMs = performance.now();
    try {
      const answer = await call();
      phase[kind]++;
      return answer;
    } catch (cause) {
      phase.failedCalls++;
      const [took, now] = [seconds(performance.now() - startMs), new Date().toISOString()];
      const tries = this.#tries.map((one) => `\n    tried ${one}`).join("");
      console.error(
        `${now} ${this.#name} ${what}, begun in "${phase.name}": failed after ${took}${tries}\n    ${String(cause)}`,
      );
      throw cause;
    } finally {
      phase.tookMs.push(performance.now() - startMs);
    }
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
