import type { RuntimeObserver } from "./observer.js";
import type { Clock, ReplicaRound, Store } from "./ports.js";

const MS_PER_SECOND = 1000;

/** A replica, as far as its rounds go to the disk. */
export interface RoundSource {
  readonly needsRound: boolean;
  buildRound(): { readonly round: ReplicaRound; readonly sync: boolean } | undefined;
  roundWritten(round: number): void;
}

export interface RoundWriterPorts {
  readonly clock: Clock;
  readonly store: Store;
  readonly observer: RuntimeObserver;
  readonly sources: () => Iterable<RoundSource>;
  /** All that a round promised may leave. */
  readonly written: () => void;
  readonly failed: (error: unknown) => void;
}

/** Writes what the replicas of a node need durable: one batch and one fsync for all of them, and one round at a time. */
export class RoundWriter {
  readonly #ports: RoundWriterPorts;
  /** Of the last round that was built. */
  #number = 0;
  /** Undefined while none is under way. */
  #startMs: number | undefined;
  /** A tick passed: what waits for company is written now. */
  #flushDue = false;

  constructor(ports: RoundWriterPorts) {
    this.#ports = ports;
  }

  get isWriting(): boolean {
    return this.#startMs !== undefined;
  }

  get nextNumber(): number {
    return this.#number + 1;
  }

  /** How long the round that is on its way to the disk has been so. */
  get writingMs(): number {
    return this.#startMs === undefined ? 0 : this.#ports.clock.monotonicMs() - this.#startMs;
  }

  /** The next round does not wait for company. */
  flushNext(): void {
    this.#flushDue = true;
  }

  /** Begins a round where one is needed and none is under way. */
  write(): void {
    const { clock, store, sources, failed } = this.#ports;
    if (this.isWriting) return;
    const all = [...sources()];
    if (!this.#flushDue && !all.some(({ needsRound }) => needsRound)) return;
    this.#flushDue = false;
    const rounds: ReplicaRound[] = [];
    const written: RoundSource[] = [];
    let sync = false;
    for (const source of all) {
      const built = source.buildRound();
      if (built === undefined) continue;
      rounds.push(built.round);
      written.push(source);
      sync ||= built.sync;
    }
    if (rounds.length === 0) return;
    const number = ++this.#number;
    const startMs = clock.monotonicMs();
    this.#startMs = startMs;
    const durable = store.write(rounds, sync);
    const handOverSeconds = (clock.monotonicMs() - startMs) / MS_PER_SECOND;
    durable.then(() => {
      this.#startMs = undefined;
      const seconds = (clock.monotonicMs() - startMs) / MS_PER_SECOND;
      const logBytes = logBytesOf(rounds);
      this.#end(number, written, { seconds, handOverSeconds, sync, logBytes });
    }, failed);
  }

  #end(
    number: number,
    written: readonly RoundSource[],
    how: Parameters<RuntimeObserver["roundWritten"]>[0],
  ): void {
    const { observer, failed } = this.#ports;
    try {
      observer.roundWritten(how);
      for (const source of written) source.roundWritten(number);
      this.#ports.written();
    } catch (error) {
      failed(error);
    }
  }
}

function logBytesOf(rounds: readonly ReplicaRound[]): number {
  let bytes = 0;
  for (const { entries = [] } of rounds) for (const { data } of entries) bytes += data.length;
  return bytes;
}
