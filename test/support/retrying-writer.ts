import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import type { Event, EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { eventually } from "./eventually.js";
import type { Person } from "./up-cluster.js";

const DEADLINE_MS = 5000;
const BACK_OFF_MS = 20;

export interface Written {
  readonly calendar: string;
  readonly title: string;
  readonly name: string;
}

/**
 * Writes one event after the other, each within a deadline, 5 s by default, and with the documented retry: what says that it is
 * unavailable is repeated with the same request id.
 */
export class RetryingWriter {
  readonly written: Written[] = [];
  readonly failures: string[] = [];
  longestWaitMs = 0;
  retries = 0;
  readonly #person: Person;
  readonly #calendar: string;
  readonly #invited: readonly string[];
  #running = true;
  #done: Promise<void> = Promise.resolve();

  readonly #deadlineMs: number;
  readonly #shape: (n: number) => MessageInitShape<typeof EventSchema>;

  /** `invited`: names of users who are invited to each. `shape`: what else the nth says. */
  constructor(
    person: Person,
    calendar: string,
    invited: readonly string[] = [],
    deadlineMs = DEADLINE_MS,
    shape: (n: number) => MessageInitShape<typeof EventSchema> = () => ({}),
  ) {
    this.#deadlineMs = deadlineMs;
    this.#shape = shape;
    this.#person = person;
    this.#calendar = calendar;
    this.#invited = invited;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async #run(): Promise<void> {
    for (let n = 0; this.#running; n++) {
      const title = `${this.#calendar} ${n}`;
      const startMs = performance.now();
      try {
        const event = await this.#create(title, this.#shape(n), startMs + this.#deadlineMs);
        this.written.push({ calendar: this.#calendar, title, name: event.name });
      } catch (error) {
        this.failures.push(`${title}: ${String(error)}`);
      }
      this.longestWaitMs = Math.max(this.longestWaitMs, performance.now() - startMs);
    }
  }

  async #create(
    title: string,
    shape: MessageInitShape<typeof EventSchema>,
    endMs: number,
  ): Promise<Event> {
    const requestId = crypto.randomUUID();
    const seconds = BigInt(1_800_000_000 + this.written.length * 3600);
    for (;;) {
      try {
        return await this.#person.events.createEvent(
          {
            parent: `calendars/${this.#calendar}`,
            requestId,
            event: {
              title,
              attendees: this.#invited.map((user) => ({ user })),
              span: {
                case: "timed",
                value: { startTime: { seconds }, endTime: { seconds: seconds + 1800n } },
              },
              ...shape,
            },
          },
          { timeoutMs: Math.ceil(Math.max(endMs - performance.now(), 1)) },
        );
      } catch (error) {
        if (!isRetryable(error) || performance.now() + BACK_OFF_MS > endMs) throw error;
        this.retries++;
        await new Promise((resolve) => setTimeout(resolve, BACK_OFF_MS));
      }
    }
  }
}

/** Resolves when each has written some more; rejects if a write of any failed. */
export async function writesGoOn(writers: readonly RetryingWriter[]): Promise<void> {
  const before = writers.map(({ written }) => written.length);
  await eventually(() => writers.every(({ written }, i) => written.length > (before[i] ?? 0) + 5), {
    what: "writes to go on",
  });
  expect(writers.flatMap(({ failures }) => failures)).to.deep.equal([]);
}

function isRetryable(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Unavailable;
}
