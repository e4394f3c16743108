import type { Machine } from "../machine/index.js";

/** Rates forget what is older: a minute after a load ended, nothing is left of it. */
const MEMORY_MS = 10_000;

/** What a replica has done since its process started, and how much of it a second lately. */
export interface LoadStatus {
  /** Commands and queries that it took on. */
  readonly requests: number;
  /** Of commands, queries, and the answers to both. */
  readonly bytes: number;
  /** Time of the engine's thread. */
  readonly cpuMs: number;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Of one core. */
  readonly cpuPercent: number;
}

interface Totals {
  readonly requests: number;
  readonly bytes: number;
  readonly cpuMs: number;
}

/**
 * Counts what one replica does. CPU is the time that passes while the engine works for this replica and for no other: what the
 * streams, the disk and the hand-over between threads cost is nobody's.
 */
export class ReplicaLoad {
  readonly #monotonicMs: () => number;
  #requests = 0;
  #bytes = 0;
  #cpuMs = 0;
  /** Work inside of work is not counted twice. */
  #isWorking = false;
  #perMs: Totals = { requests: 0, bytes: 0, cpuMs: 0 };
  #sampled: Totals = this.#perMs;
  #sampledAtMs: number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#sampledAtMs = monotonicMs();
  }

  asked(bytes: number): void {
    this.#requests++;
    this.#bytes += bytes;
  }

  answered(bytes: number): void {
    this.#bytes += bytes;
  }

  during<T>(work: () => T): T {
    if (this.#isWorking) return work();
    this.#isWorking = true;
    const startMs = this.#monotonicMs();
    try {
      return work();
    } finally {
      this.#cpuMs += this.#monotonicMs() - startMs;
      this.#isWorking = false;
    }
  }

  /** Call it often: rates follow what was counted since the last time. */
  sample(): void {
    const nowMs = this.#monotonicMs();
    const passedMs = nowMs - this.#sampledAtMs;
    if (passedMs <= 0) return;
    const weight = 1 - Math.exp(-passedMs / MEMORY_MS);
    const totals = { requests: this.#requests, bytes: this.#bytes, cpuMs: this.#cpuMs };
    const follow = (rate: number, was: number, is: number): number =>
      rate + ((is - was) / passedMs - rate) * weight;
    this.#perMs = {
      requests: follow(this.#perMs.requests, this.#sampled.requests, totals.requests),
      bytes: follow(this.#perMs.bytes, this.#sampled.bytes, totals.bytes),
      cpuMs: follow(this.#perMs.cpuMs, this.#sampled.cpuMs, totals.cpuMs),
    };
    this.#sampled = totals;
    this.#sampledAtMs = nowMs;
  }

  get status(): LoadStatus {
    return {
      requests: this.#requests,
      bytes: this.#bytes,
      cpuMs: this.#cpuMs,
      requestsPerSecond: this.#perMs.requests * 1000,
      bytesPerSecond: this.#perMs.bytes * 1000,
      cpuPercent: this.#perMs.cpuMs * 100,
    };
  }
}

/** The same machine, whose work counts as the replica's. */
export function measuredMachine(machine: Machine, load: ReplicaLoad): Machine {
  return {
    featureLevel: machine.featureLevel,
    levelOf: (command) => machine.levelOf(command),
    reads: (command) => load.during(() => machine.reads(command)),
    apply: (context, command, view) => load.during(() => machine.apply(context, command, view)),
    query: (query, view, level) => load.during(() => machine.query(query, view, level)),
  };
}
