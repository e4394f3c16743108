import type { Operation, SeriesEnd } from "../domain/index.js";
import { expandRecurrence } from "../ical/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import { askReplica, propose } from "./ask-shard.js";
import { Repeated } from "./repeated.js";
import type { After } from "./repeated.js";

/** How late a reminder may be, beside a commit. */
const LOOK_MS = 1_000;
const SEEN_MS = 5_000;
const SERIES_AT_ONCE = 20;
const REMINDERS_AT_ONCE = 20;

export interface DueWorkOptions {
  /** Those that this node hosts now: it may join further shards. */
  readonly replicas: () => readonly ReplicaHandle[];
  readonly wallMs: () => number;
  readonly after: After;
  /** Hears why what was due could not be done; it is tried again. */
  readonly trouble: (cause: unknown) => void;
  /** Hears what a shard refuses to do, and why: it is tried again, and told again once it went well meanwhile. */
  readonly refused: (shard: ShardNumber, why: string) => void;
}

/**
 * What is due by time, in every shard that this node leads: reminders fire, and events that repeat get further occurrences. Two
 * leaders at once do no harm: applying looks at what is due again.
 */
export class DueWork {
  readonly #options: DueWorkOptions;
  readonly #looking: Repeated;
  /** What was told of a shard. */
  readonly #refused = new Map<ShardNumber, string>();

  constructor(options: DueWorkOptions) {
    this.#options = options;
    const { after, trouble: failed } = options;
    this.#looking = new Repeated({ after, pauseMs: LOOK_MS, work: () => this.#look(), failed });
  }

  close(): void {
    this.#looking.close();
  }

  async #look(): Promise<void> {
    const led = this.#options.replicas().filter((replica) => replica.status().role === "leader");
    const work = led.map((replica) => this.#workOff(replica).catch(this.#options.trouble));
    await Promise.all(work);
  }

  async #workOff(replica: ReplicaHandle): Promise<void> {
    const nowMs = this.#options.wallMs();
    const question = { kind: "list-due-work", nowMs, limit: SERIES_AT_ONCE } as const;
    // What this replica has applied is enough: it leads, and proposes what it sees.
    const due = await askReplica(replica, question, "due-work", SEEN_MS);
    const operations = due.series.map((series) => extension(series, nowMs));
    if (due.hasReminders) operations.unshift({ kind: "fire-reminders", limit: REMINDERS_AT_ONCE });
    const refusals: string[] = [];
    for (const operation of operations) {
      const reply = await propose(replica, operation);
      if (reply.kind === "refused") refusals.push(`${operation.kind}: ${reply.message}`);
    }
    this.#tell(replica.shard, refusals[0]);
  }

  #tell(shard: ShardNumber, refusal: string | undefined): void {
    if (refusal === undefined) {
      this.#refused.delete(shard);
    } else if (this.#refused.get(shard) !== refusal) {
      this.#refused.set(shard, refusal);
      this.#options.refused(shard, refusal);
    }
  }
}

/** Nothing but the queue's entry goes where the event is gone, or where nothing comes after what is known. */
function extension({ calendar, id, dueMs, untilMs, event }: SeriesEnd, nowMs: number): Operation {
  const name = { kind: "extend-series", calendar, event: id, dueMs } as const;
  if (event === undefined || untilMs === 0) {
    return { ...name, afterMs: 0, occurrences: { startsMs: [], untilMs: 0 } };
  }
  const series = { span: event.span, lines: event.recurrence };
  const occurrences = expandRecurrence(series, nowMs, untilMs - 1);
  return { ...name, afterMs: untilMs, occurrences };
}
