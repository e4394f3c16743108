import { isDiskFull } from "./disk-reserve.js";
import type { RuntimeLimits } from "./limits.js";
import type { Clock, Store } from "./ports.js";

export interface DiskWatchPorts {
  readonly clock: Clock;
  readonly store: Store;
  readonly limits: RuntimeLimits;
  readonly isFull: () => boolean;
  /** Each check ends with it. */
  readonly checked: (isFull: boolean) => void;
  readonly failed: (error: unknown) => void;
}

/** Looks again and again how much room the disk has. */
export class DiskWatch {
  readonly #ports: DiskWatchPorts;
  #cancel: () => void = () => undefined;
  #isStopped = false;

  constructor(ports: DiskWatchPorts) {
    this.#ports = ports;
    this.#plan();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #plan(): void {
    const { clock, store, limits, isFull, checked, failed } = this.#ports;
    this.#cancel = clock.after(limits.diskCheckMs, () => {
      store.usage().then((usage) => {
        if (this.#isStopped) return;
        checked(isDiskFull(usage, limits.diskReserveBytes, isFull()));
        this.#plan();
      }, failed);
    });
  }
}
