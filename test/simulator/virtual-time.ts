interface Planned {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once canceled. */
  run: (() => void) | undefined;
}

/** Steps that one trip through the event loop takes. */
const STEPS_PER_TURN = 64;

/** Time of the simulation: it jumps from one planned event to the next, those of one moment in the order of planning. */
export class VirtualTime {
  nowMs = 0;
  /** Events that ran: the order of everything that happened. */
  steps = 0;
  readonly #heap: Planned[] = [];
  #order = 0;

  /** Runs once, later; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void {
    const planned: Planned = { atMs: this.nowMs + Math.max(delayMs, 0), order: this.#order++, run };
    this.#push(planned);
    return () => {
      planned.run = undefined;
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /** Runs the next event; false if there is none. */
  step(): boolean {
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      if (next.run === undefined) continue;
      this.nowMs = next.atMs;
      this.steps++;
      next.run();
      return true;
    }
    return false;
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, planned)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = planned;
  }

  #pop(): Planned | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || first === last) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      let least = left;
      if (right !== undefined && isBefore(right, left)) {
        least = right;
        child++;
      }
      if (isBefore(last, least)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

/**
 * Calls `step` until it returns false. Before each call every promise that can go on has gone on, without a timer or I/O in
 * between, so the order of everything depends on the steps alone.
 */
export function drive(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let ended = false;
    const one = (): void => {
      if (ended) return;
      try {
        if (step()) return;
        ended = true;
        resolve();
      } catch (error) {
        ended = true;
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    // Between two immediates of one turn Node drains the queues of microtasks.
    const turn = (): void => {
      one();
      if (ended) return;
      for (let n = 1; n < STEPS_PER_TURN; n++) setImmediate(one);
      setImmediate(turn);
    };
    setImmediate(turn);
  });
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
