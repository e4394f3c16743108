import type { ReplicaId } from "../raft/index.js";
import type { Clock, KnownNode, KnownReplica, Store } from "./ports.js";

/** A replica that can be told what it forgot. */
export interface Forgetful {
  readonly replica: ReplicaId;
  /** `isOldCopy`: whatever is known of it, its votes may be forgotten. */
  remind(known: KnownReplica, isOldCopy: boolean): void;
}

export interface RecollectionOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Random at each start of the process. */
  readonly life: number;
  /** One election timeout. */
  readonly waitMs: number;
  /** Nodes that vote with this one. */
  readonly voters: readonly string[];
  readonly replicas: () => Iterable<Forgetful>;
  /** Every voter was asked, or did not answer in time: from now on this node may vote. */
  readonly settled: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * What the others remember of this node. A directory that was put back from a backup forgot votes and acknowledgements, and
 * nothing on it says so: only who heard them knows. So a node asks every voter before its first vote, for as long as an
 * election timeout. If nobody who knows is up, an old copy cannot be told from the newest one.
 */
export class Recollection {
  readonly #options: RecollectionOptions;
  readonly #waiting: Set<string>;
  #isSettled = false;
  #cancel: () => void = () => undefined;

  constructor(options: RecollectionOptions) {
    this.#options = options;
    this.#waiting = new Set(options.voters);
  }

  /** A store that was formatted just now has nothing to forget. */
  begin(): void {
    const { store, clock, waitMs } = this.#options;
    if (store.fresh || this.#waiting.size === 0) this.#settle();
    else this.#cancel = clock.after(waitMs, () => this.#settle());
  }

  stop(): void {
    this.#cancel();
  }

  /** First words of a peer, which may have met this node before. */
  hear(node: string, known: KnownNode | undefined): void {
    if (known !== undefined) this.#compare(known);
    this.#waiting.delete(node);
    if (this.#waiting.size === 0) this.#settle();
  }

  #compare({ boot, life, replicas }: KnownNode): void {
    const { store, failed } = this.#options;
    const isOldCopy = boot > store.boot || (boot === store.boot && life !== this.#options.life);
    for (const replica of this.#options.replicas()) {
      const known = replicas.find((one) => one.replica === replica.replica);
      if (known !== undefined) replica.remind(known, isOldCopy);
      else if (isOldCopy) replica.remind({ ...NOTHING, replica: replica.replica }, isOldCopy);
    }
    if (isOldCopy) store.raiseBoot(boot + 1).catch(failed);
  }

  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#cancel();
    this.#options.settled();
  }
}

const NOTHING = { term: 0, acknowledged: { index: 0, term: 0 } };
