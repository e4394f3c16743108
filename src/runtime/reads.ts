import { ClusterError } from "../base/index.js";
import { Freshness } from "./freshness.js";

/** A round of ReadIndex whose answer got lost is asked for again after this time. */
const RETRY_MS = 250;
const CONTEXTS_PER_BOOT = 2 ** 32;

/** How far a state has come. */
interface Reached {
  readonly index: number;
  readonly sequence: number;
}

export interface WaitingRead {
  readonly minSequence: number;
  /** It reads the disk alone, and waits until the state there has come as far. */
  readonly fromDisk?: boolean;
  readonly deadlineMs: number;
  readonly run: () => void;
  readonly reject: (error: ClusterError) => void;
}

interface ConfirmedRead {
  readonly index: number;
  readonly read: WaitingRead;
}

interface Round {
  readonly askedAtMs: number;
  readonly reads: WaitingRead[];
}

/**
 * Linearizable reads on their way: gathered, asked for an index together (one ReadIndex a turn), then waiting until the
 * state has reached it.
 */
export class Reads {
  #gathered: WaitingRead[] = [];
  readonly #rounds = new Map<number, Round>();
  #ready: ConfirmedRead[] = [];
  readonly #freshness = new Freshness();
  #askedAtMs = -Infinity;
  /** Never repeated, not even by a later life of this store: a late answer must not confirm a newer read. */
  #context: number;

  constructor(boot: number) {
    this.#context = boot * CONTEXTS_PER_BOOT;
  }

  get size(): number {
    return this.#gathered.length + this.#ready.length + this.#rounds.size;
  }

  gather(read: WaitingRead): void {
    this.#gathered.push(read);
  }

  /** Reads that need no round: they wait for the state alone. */
  gatherStale(read: WaitingRead): void {
    this.#ready.push({ index: 0, read });
  }

  get hasGathered(): boolean {
    return this.#gathered.length > 0;
  }

  /** Begins a round; the number goes into ReadIndex as its context. */
  beginRound(nowMs: number): number {
    this.#context++;
    this.#askedAtMs = nowMs;
    this.#rounds.set(this.#context, { askedAtMs: nowMs, reads: this.#gathered });
    this.#gathered = [];
    return this.#context;
  }

  refuseRound(context: number, error: ClusterError): void {
    const round = this.#rounds.get(context);
    this.#rounds.delete(context);
    for (const read of round?.reads ?? []) read.reject(error);
  }

  confirmed(context: number, index: number): void {
    const round = this.#rounds.get(context);
    if (round === undefined) return;
    this.#rounds.delete(context);
    this.#freshness.confirmed(round.askedAtMs, index);
    for (const read of round.reads) this.#ready.push({ index, read });
  }

  /** How old the state may be; Infinity while nothing is known of it. */
  ageMs(nowMs: number): number {
    return this.#freshness.ageMs(nowMs);
  }

  /** Since a question was sent, whatever became of it. */
  sinceAskedMs(nowMs: number): number {
    return nowMs - this.#askedAtMs;
  }

  /** Runs what the state now allows: as it is applied, and as it is on the disk. */
  release(applied: Reached, written: Reached): void {
    this.#freshness.reached(applied.index);
    if (this.#ready.length === 0) return;
    const waiting: ConfirmedRead[] = [];
    const ready = this.#ready;
    this.#ready = waiting;
    for (const item of ready) {
      const { minSequence, fromDisk = false, run } = item.read;
      const state = fromDisk ? written : applied;
      if (item.index <= state.index && minSequence <= state.sequence) run();
      else waiting.push(item);
    }
  }

  /** Gives up what is too late, and gathers again what a lost answer left waiting: reads that failed, rounds asked again. */
  expire(nowMs: number): { readonly expired: number; readonly slow: number } {
    let expired = 0;
    let slow = 0;
    const alive = (read: WaitingRead): boolean => {
      if (read.deadlineMs > nowMs) return true;
      read.reject(new ClusterError("deadline-exceeded", "the shard did not answer in time"));
      expired++;
      return false;
    };
    this.#gathered = this.#gathered.filter(alive);
    this.#ready = this.#ready.filter(({ read }) => alive(read));
    for (const [context, round] of this.#rounds) {
      if (nowMs - round.askedAtMs < RETRY_MS) continue;
      this.#rounds.delete(context);
      slow++;
      this.#gathered.push(...round.reads.filter(alive));
    }
    return { expired, slow };
  }

  rejectAll(error: ClusterError): void {
    for (const read of this.#gathered) read.reject(error);
    for (const { read } of this.#ready) read.reject(error);
    for (const { reads } of this.#rounds.values()) for (const read of reads) read.reject(error);
    this.#gathered = [];
    this.#ready = [];
    this.#rounds.clear();
  }
}
