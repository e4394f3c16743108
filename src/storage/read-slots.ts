import type { ReplicaId } from "../raft/index.js";

/** Threads of libuv's pool that reads may occupy: writes and the marker need the others. */
export const READS_IN_FLIGHT_MAX = 8;

type Task = (release: () => void) => void;

interface Waiting {
  readonly replica: ReplicaId;
  tasks: Task[];
  next: number;
}

/** Bounds the reads that are under way; replicas that wait take turns, each in its own order. */
export class ReadSlots {
  #free = READS_IN_FLIGHT_MAX;
  readonly #waiting = new Map<ReplicaId, Waiting>();

  /** `task` must call `release` exactly once. */
  run(replica: ReplicaId, task: Task): void {
    if (this.#free > 0) {
      this.#start(task);
      return;
    }
    const queue = this.#waiting.get(replica);
    if (queue === undefined) this.#waiting.set(replica, { replica, tasks: [task], next: 0 });
    else queue.tasks.push(task);
  }

  get busy(): boolean {
    return this.#free < READS_IN_FLIGHT_MAX || this.#waiting.size > 0;
  }

  #start(task: Task): void {
    this.#free--;
    task(() => {
      this.#free++;
      const next = this.#takeTurn();
      if (next !== undefined) this.#start(next);
    });
  }

  #takeTurn(): Task | undefined {
    const first = this.#waiting.values().next();
    if (first.done) return undefined;
    const queue = first.value;
    const task = queue.tasks[queue.next++];
    this.#waiting.delete(queue.replica);
    if (queue.next < queue.tasks.length) this.#waiting.set(queue.replica, queue);
    return task;
  }
}
