import { ClusterError } from "../../src/base/index.js";
import type { FeedBatch, FeedRow } from "../../src/runtime/index.js";
import type { SeededRandom } from "../raft/seeded-random.js";
import type { SimulatedCluster } from "./cluster.js";
import type { SimulatedNode } from "./node.js";
import { PromiseBroken } from "./promise-broken.js";
import { calendarOf } from "./workload.js";

/** A replica says something at least every second. */
const SILENCE_MS = 1600;

/**
 * Follows the feed of a shard wherever it can, and resumes after what it heard last: every change once, in order, and none
 * that could still be lost.
 */
export class Subscriber {
  readonly #cluster: SimulatedCluster;
  readonly shard: number;
  readonly #random: SeededRandom;
  readonly #channels: readonly string[];
  #at = 0;
  #isRunning = true;
  #skippedTo = 0;

  constructor(cluster: SimulatedCluster, shard: number, random: SeededRandom) {
    this.#cluster = cluster;
    this.shard = shard;
    this.#random = random;
    // Every change of the shard is on this one: with it the rows come through the index.
    this.#channels = random.chance(0.5) ? [`calendars/${calendarOf(shard)}`] : [];
  }

  /** Everything up to here was heard. */
  get at(): number {
    return this.#at;
  }

  stop(): void {
    this.#isRunning = false;
  }

  async run(): Promise<void> {
    while (this.#isRunning) {
      const node = this.#random.pick(this.#cluster.nodes.filter(({ isUp }) => isUp));
      if (node !== undefined) await this.#follow(node);
      await this.#cluster.time.sleep(20 + this.#random.next() * 100);
    }
  }

  async #follow(node: SimulatedNode): Promise<void> {
    const { life } = node;
    const replica = node.find(this.shard);
    if (replica === undefined || life === undefined) return;
    const abort = new AbortController();
    const options = { after: this.#at, channels: this.#channels, signal: abort.signal };
    const feed = replica.changes(options)[Symbol.asyncIterator]();
    const untilMs = this.#cluster.time.nowMs + 200 + this.#random.next() * 4000;
    while (this.#isRunning && this.#cluster.time.nowMs < untilMs) {
      const next = await Promise.race([
        feed.next().catch((error: unknown) => ({ error })),
        this.#cluster.time.sleep(SILENCE_MS).then(() => undefined),
      ]);
      if (next === undefined || !life.isAlive) break;
      if ("error" in next) {
        // A process whose disk was broken says so to whoever is there, and ends.
        if (node.mayFail && isFailedDisk(next.error)) break;
        this.#cluster.check(() => {
          this.#startOver(next.error);
        });
        break;
      }
      if (next.done === true) break;
      const batch = next.value;
      this.#cluster.check(() => {
        this.#take(batch);
      });
    }
    abort.abort();
  }

  #take({ rows, upTo }: FeedBatch): void {
    const truth = this.#cluster.truth(this.shard);
    for (const row of rows) {
      this.#requireNext(row);
      if (!truth.isCommitted(row.index)) {
        throw new PromiseBroken(
          `change ${row.sequence} was published before entry ${row.index} was committed`,
        );
      }
      this.#at = row.sequence;
      truth.published(row);
    }
    if (upTo > this.#at) {
      throw new PromiseBroken(
        `a subscriber was told ${upTo} without the changes after ${this.#at}`,
      );
    }
    this.#cluster.note(`subscriber at ${this.#at}`);
  }

  #requireNext({ sequence }: FeedRow): void {
    if (sequence === this.#at + 1) return;
    throw new PromiseBroken(`a subscriber got change ${sequence} after ${this.#at}`);
  }

  /** Only what was trimmed may be gone, and it is said. */
  #startOver(error: unknown): void {
    if (!(error instanceof ClusterError) || error.code !== "position-gone") throw error;
    const { firstSequence } = this.#cluster.truth(this.shard);
    const said = error.details.metadata?.["first_sequence"];
    const first = said === undefined ? firstSequence : Number(said);
    if (first <= this.#at + 1) {
      throw new PromiseBroken(`position ${this.#at} is gone, though the feed begins at ${first}`);
    }
    this.#at = first - 1;
    this.#skippedTo = Math.max(this.#skippedTo, first);
  }

  /** In the end it must have been true that what was skipped is gone. */
  requireSkipsAllowed(): void {
    const { firstSequence } = this.#cluster.truth(this.shard);
    if (this.#skippedTo <= firstSequence) return;
    throw new PromiseBroken(
      `a subscriber was sent to ${this.#skippedTo}; the feed begins at ${firstSequence}`,
    );
  }
}

function isFailedDisk(error: unknown): boolean {
  return error instanceof ClusterError && error.code === "corrupt-storage";
}
