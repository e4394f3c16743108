import { MemoryDisk } from "../../src/storage/index.js";
import type { SeededRandom } from "../raft/seeded-random.js";
import type { ProcessLife } from "./process-life.js";
import type { VirtualTime } from "./virtual-time.js";

const NORMAL_MS = 0.2;
/** Share of operations of a slow disk that take much longer still. */
const SPIKES = 0.05;

/** A machine's disk: takes its time, and outlives every process. */
export class SimulatedDisk {
  readonly disk: MemoryDisk;
  /** Mean time of an operation; more than normal is slow. */
  meanMs = NORMAL_MS;
  /** Operations that were slow. */
  slowed = 0;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  /** Whose operations end now; a paused process hears of them later. */
  life: ProcessLife | undefined;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
    this.disk = new MemoryDisk({ schedule: (run) => this.#schedule(run) });
  }

  becomeNormal(): void {
    this.meanMs = NORMAL_MS;
    this.disk.writeFault = undefined;
  }

  /** Chance decides what of that which was not durable is there afterwards. Returns how many writes are not. */
  cutPower(): number {
    return this.disk.crash(() => this.#random.next());
  }

  /** The process alone is gone: what it had written stays, what it was writing may or may not have happened. */
  killProcess(): void {
    // The first draw says how much of what was written stays.
    let draws = 0;
    this.disk.crash(() => (draws++ === 0 ? 1 - Number.EPSILON : this.#random.next()));
  }

  #schedule(run: () => void): void {
    let delayMs = this.meanMs * 2 * this.#random.next();
    if (this.meanMs > NORMAL_MS) {
      this.slowed++;
      if (this.#random.chance(SPIKES)) delayMs *= 10;
    }
    const { life } = this;
    this.#time.after(delayMs, life === undefined ? run : () => life.enter(run));
  }
}
