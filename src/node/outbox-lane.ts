import { ClusterError, InvariantViolation } from "../base/index.js";
import type { OutboxEntry, OutboxPage } from "../domain/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import { sleep } from "../shards/index.js";
import type { ShardClient } from "../shards/index.js";
import { askReplica, propose, requireDone } from "./ask-shard.js";
import type { RelayClock, RelayObserver } from "./outbox-relay.js";
import { systemCommand } from "./system-command.js";

/** Rows that are read, and under way, at a time. */
const PAGE_ROWS = 128;
const WINDOW_ROWS = 32;
const DELIVERY_TIMEOUT_MS = 10_000;
const BACKOFF_FIRST_MS = 20;
const BACKOFF_MAX_MS = 2_000;

export interface LaneOptions {
  readonly replica: ReplicaHandle;
  readonly target: ShardNumber;
  readonly shards: ShardClient;
  readonly clock: RelayClock;
  readonly observer: RelayObserver;
  readonly signal: AbortSignal;
  /** Nothing is to be delivered now. */
  readonly isHeld: () => boolean;
}

/**
 * What goes from one shard to one other, while this node leads the one. Rows are delivered in order of number; what fails is
 * delivered again from there, by this node or the next leader: the target knows what it has taken.
 */
export class OutboxLane {
  readonly #options: LaneOptions;
  #wanted = false;
  #running = false;
  #whenIdle: (() => void)[] = [];
  /** The last number that this node knows to be taken: it saves reading rows again that wait to be marked. */
  #taken = 0;
  #failures = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  get replica(): ReplicaHandle {
    return this.#options.replica;
  }

  /** There may be something to deliver. */
  wake(): void {
    this.#wanted = true;
    if (!this.#running) void this.#run();
  }

  /** Resolves when nothing is under way: soon, while it is held. */
  async idle(): Promise<void> {
    if (this.#running) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Never fails. */
  async #run(): Promise<void> {
    const { observer, replica, target } = this.#options;
    this.#running = true;
    while (this.#wanted && !this.#isStopped()) {
      this.#wanted = false;
      if (!this.#leads()) {
        observer.handedOver(replica.shard, target);
        break;
      }
      try {
        await this.#drain();
        this.#failures = 0;
      } catch (error) {
        await this.#failed(error);
      }
    }
    this.#running = false;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #isStopped(): boolean {
    return this.#options.signal.aborted || this.#options.isHeld();
  }

  async #failed(error: unknown): Promise<void> {
    const { observer, replica, target, clock, signal } = this.#options;
    // What was taken is asked of the log again.
    this.#taken = 0;
    const delayMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#failures++);
    if (error instanceof InvariantViolation || !(error instanceof ClusterError)) {
      observer.failed(replica.shard, target, String(error), this.#failures);
    } else if (error.code !== "not-leader") {
      observer.failed(replica.shard, target, error.code, this.#failures);
    }
    await sleep(clock, delayMs, signal);
    this.#wanted = true;
  }

  #leads(): boolean {
    return this.#options.replica.status().role === "leader";
  }

  async #drain(): Promise<void> {
    const { observer, replica, target, clock } = this.#options;
    while (!this.#isStopped()) {
      const page = await this.#read();
      const rows = page.last - Math.max(page.done, this.#taken);
      const oldestMs = page.entries[0]?.timeMs;
      const ageMs = oldestMs === undefined ? 0 : clock.wallMs() - oldestMs;
      observer.waiting(replica.shard, target, rows, ageMs / 1000);
      if (page.entries.length === 0) return;
      const { epoch } = replica.status();
      for (let at = 0; at < page.entries.length && !this.#isStopped(); at += WINDOW_ROWS) {
        await this.#deliver(epoch, page.entries.slice(at, at + WINDOW_ROWS));
      }
      await this.#settle();
    }
  }

  async #read(): Promise<OutboxPage> {
    const { replica, target } = this.#options;
    const page = { after: this.#taken, pageSize: PAGE_ROWS };
    return (await askReplica(replica, { kind: "list-outbox", target, ...page }, "outbox")).outbox;
  }

  /** All at once, but in order: they travel on one stream. Fails at the first that was not taken. */
  async #deliver(epoch: number, entries: readonly OutboxEntry[]): Promise<void> {
    const { shards, replica, target, clock, observer, signal } = this.#options;
    const sent = entries.map(({ number, delivery }) =>
      shards.execute(
        target,
        systemCommand({ kind: "deliver", source: replica.shard, epoch, number, delivery }),
        { timeoutMs: DELIVERY_TIMEOUT_MS, signal },
      ),
    );
    // Awaited one after the other below: none may be left to reject unheard.
    for (const each of sent) each.catch(() => undefined);
    for (const [i, entry] of entries.entries()) {
      const result = await sent[i];
      if (result === undefined) break;
      requireDone(result.reply);
      this.#taken = entry.number;
      const seconds = (clock.wallMs() - entry.timeMs) / 1000;
      observer.delivered(replica.shard, target, seconds);
      if (entry.delivery.kind === "member-gone") observer.cut(replica.shard, target, seconds);
    }
  }

  async #settle(): Promise<void> {
    const { replica, target } = this.#options;
    requireDone(await propose(replica, { kind: "settle-outbox", target, upTo: this.#taken }));
  }
}
