import { randomBytes } from "node:crypto";
import { uuidV7 } from "../../../src/base/index.js";
import type {
  Command,
  EventContent,
  NewEvent,
  Operation,
  Query,
  Question,
} from "../../../src/domain/index.js";
import { KEYS } from "../../../src/machine/index.js";
import type { StateKey } from "../../../src/machine/index.js";
import { DAY_MS, eventContent, eventId, HOUR_MS, userCaller } from "../../support/agenda.js";
import { SeededRandom } from "../../raft/seeded-random.js";

/** As many as one command may create. */
export const BATCH_EVENTS = 100;
/** Of one person. */
const BATCHES_EACH = 2;
const EVENTS_EACH = BATCHES_EACH * BATCH_EVENTS;
const SPREAD_DAYS = 180;
const MONTH_MS = 30 * DAY_MS;
const PAGE_EVENTS = 50;
const PEOPLE_ASKED = 10;
/** Whose events are got time and again, however many there are beside them: ten thousand. */
const PEOPLE_AT_WORK = 50;
/** What makes the row of an event 256 bytes. */
const TEXT_BYTES = 123;

/**
 * Half a year of events for each of many people, one after the other as they would be written: everyone's first events, then
 * everyone's next. Everybody may see everybody's.
 */
export class People {
  readonly events: number;
  readonly #people: number;
  readonly #random: SeededRandom;
  readonly #firstMs: number;
  #created: number;

  constructor(events: number, seed: number, firstMs: number) {
    this.#people = Math.max(1, Math.round(events / EVENTS_EACH));
    this.events = this.#people * EVENTS_EACH;
    this.#random = new SeededRandom(seed);
    this.#firstMs = firstMs;
    this.#created = this.events;
  }

  /** Commands that make calendars public, and then those that fill them, a hundred events each. */
  *filling(): Generator<Command> {
    for (let person = 0; person < this.#people; person++) {
      yield this.#command(person, {
        kind: "update-calendar",
        calendar: nameOf(person),
        content: { displayName: "", timeZone: "UTC", conflictPolicy: "allow", public: true },
        fields: ["public"],
        etag: "",
      });
    }
    for (let batch = 0; batch < BATCHES_EACH; batch++) {
      for (let person = 0; person < this.#people; person++) {
        const events = Array.from({ length: BATCH_EVENTS }, (_, i) =>
          this.#event(person, batch * BATCH_EVENTS + i),
        );
        yield this.#command(person, {
          kind: "create-events",
          calendar: nameOf(person),
          events,
        });
      }
    }
  }

  create(): Command {
    const person = this.#anyone();
    const ordinal = this.#created++;
    return this.#command(person, {
      kind: "create-event",
      calendar: nameOf(person),
      event: eventId(ordinal),
      content: this.#content(ordinal, this.#anyTime()),
    });
  }

  update(): Command {
    const person = this.#anyone();
    const ordinal = this.#random.between(0, EVENTS_EACH - 1);
    return this.#command(person, {
      kind: "update-event",
      calendar: nameOf(person),
      event: idOf(person, ordinal),
      content: this.#content(this.#random.between(0, 1e6), 0),
      fields: ["title", "description"],
      etag: "",
    });
  }

  /** Of one of those at work, who are spread over all. */
  get(): Query {
    const stride = Math.max(1, Math.floor(this.#people / PEOPLE_AT_WORK));
    const last = Math.min(PEOPLE_AT_WORK, this.#people) - 1;
    return this.#getOf(stride * this.#random.between(0, last));
  }

  getAny(): Query {
    return this.#getOf(this.#anyone());
  }

  /** Of the row of any event. */
  anyRow(): StateKey {
    const person = this.#anyone();
    return KEYS.event(nameOf(person), idOf(person, this.#random.between(0, EVENTS_EACH - 1)));
  }

  #getOf(person: number): Query {
    const event = idOf(person, this.#random.between(0, EVENTS_EACH - 1));
    return ask(person, { kind: "get-event", calendar: nameOf(person), event });
  }

  /** A page of fifty from some day on. */
  list(): Query {
    const person = this.#anyone();
    const windowStartMs = this.#anyTime(1 / 2);
    return ask(person, {
      kind: "list-events",
      calendars: [nameOf(person)],
      pageSize: PAGE_EVENTS,
      after: "",
      windowStartMs,
      windowEndMs: 0,
      showDeleted: false,
      asAgenda: false,
      conditions: [],
    });
  }

  /** When ten people are busy in a month. */
  freeBusy(): Query {
    const windowStartMs = this.#anyTime(1 / 2);
    const calendars = new Set<string>();
    while (calendars.size < Math.min(PEOPLE_ASKED, this.#people)) {
      calendars.add(nameOf(this.#anyone()));
    }
    return ask(this.#anyone(), {
      kind: "free-busy",
      calendars: [...calendars],
      ofPeople: true,
      windowStartMs,
      windowEndMs: windowStartMs + MONTH_MS,
    });
  }

  #event(person: number, ordinal: number): NewEvent {
    const slotMs = (SPREAD_DAYS * DAY_MS) / EVENTS_EACH;
    const startMs = this.#firstMs + ordinal * slotMs + this.#random.between(0, 12) * HOUR_MS;
    return {
      event: idOf(person, ordinal),
      content: this.#content(person * EVENTS_EACH + ordinal, startMs),
    };
  }

  #content(ordinal: number, startMs: number): EventContent {
    return eventContent({
      title: `Council ${ordinal}`,
      description: this.#random.next().toString(36).padEnd(TEXT_BYTES, "."),
      location: "Town hall",
      span: { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "Europe/Madrid" },
    });
  }

  #anyone(): number {
    return this.#random.between(0, this.#people - 1);
  }

  #anyTime(ofSpread = 1): number {
    return this.#firstMs + this.#random.between(0, ofSpread * SPREAD_DAYS) * DAY_MS;
  }

  #command(person: number, operation: Operation): Command {
    const requestId = uuidV7(Date.now(), randomBytes(16));
    const caller = userCaller(nameOf(person));
    return { caller, requestId, fingerprint: "f".repeat(64), operation };
  }
}

function ask(person: number, question: Question): Query {
  return { caller: userCaller(nameOf(person)), question };
}

function nameOf(person: number): string {
  return `ana-${person}`;
}

function idOf(person: number, ordinal: number): string {
  return eventId(person * EVENTS_EACH + ordinal);
}
