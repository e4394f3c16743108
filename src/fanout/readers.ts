import type { Calendar } from "../domain/index.js";
import type { EndedRight } from "../policy/index.js";
import { calendarOfEvent } from "./channels.js";

/** A connection that hears a calendar, or an event of it, that is not its user's own. */
export interface Reader {
  readonly user: string;
  readonly channel: string;
  /** Where the feed says that the right may have changed: what is named there. */
  readonly through: readonly string[];
  /** Not only as one of the calendar's readers. */
  readonly asMember: boolean;
  /** The right has ended: from `sequence` on nothing goes out. */
  ended(sequence: number): void;
  /** It may be another one: from `sequence` on nothing goes out before it was asked for again. */
  doubted(sequence: number): void;
}

export type ReadersRight = Extract<EndedRight, { kind: "readers" | "standing" }>;

/** Those of one shard, live or not, so that a right ends for all of them at the same change. */
export class Readers {
  readonly #ofCalendar = new Map<string, Set<Reader>>();

  add(reader: Reader): void {
    const calendar = calendarOf(reader.channel);
    const readers = this.#ofCalendar.get(calendar);
    if (readers === undefined) this.#ofCalendar.set(calendar, new Set([reader]));
    else readers.add(reader);
  }

  delete(reader: Reader): void {
    const calendar = calendarOf(reader.channel);
    const readers = this.#ofCalendar.get(calendar);
    if (readers?.delete(reader) === true && readers.size === 0) this.#ofCalendar.delete(calendar);
  }

  has(calendar: string): boolean {
    return this.#ofCalendar.has(calendar);
  }

  get isEmpty(): boolean {
    return this.#ofCalendar.size === 0;
  }

  /** Before the change is delivered, in the same turn. Returns how many it concerns. */
  end(right: ReadersRight, sequence: number): number {
    const concerned = this.#concerned(right);
    for (const reader of concerned) {
      if (right.kind === "readers") reader.ended(sequence);
      else reader.doubted(sequence);
    }
    return concerned.length;
  }

  #concerned(right: ReadersRight): readonly Reader[] {
    if (right.kind === "readers") {
      const readers = this.#ofCalendar.get(right.channel) ?? [];
      return [...readers].filter((reader) => endsWith(right.calendar, reader));
    }
    return [...this.#ofCalendar.values()]
      .flatMap((readers) => [...readers])
      .filter((reader) => standsOn(right, reader));
  }
}

/** Whether a calendar as it is now ends what somebody had as its reader. */
export function endsWith(
  calendar: Calendar,
  { user, asMember }: Pick<Reader, "user" | "asMember">,
): boolean {
  if (calendar.deleteTimeMs !== 0) return true;
  return !asMember && !calendar.public && !calendar.readers.includes(user);
}

export function standsOn(
  { of, user }: Extract<EndedRight, { kind: "standing" }>,
  reader: Pick<Reader, "user" | "through">,
): boolean {
  return reader.through.includes(of) && (user === undefined || user === reader.user);
}

function calendarOf(channel: string): string {
  return calendarOfEvent(channel) ?? channel;
}
