import type { Change } from "../../gen/cabildo/v1/sync_pb.js";

/** Resources whose positions are remembered; the oldest is forgotten first. */
const RESOURCES_MAX = 1000;
/** As many as have room in a request. */
const ANSWERS_MAX = 16;

/** What was seen of one resource: answers that no read has passed along yet, and the newest change. */
interface Seen {
  readonly answers: readonly string[];
  readonly change?: Pick<Change, "sequence" | "position">;
}

const NOTHING: Seen = { answers: [] };

/**
 * What this client has seen of each calendar, group and user that it wrote, read or heard of. Passed along with a read, it
 * makes the read see at least that, whichever replica answers. Positions cannot be compared: but a read's answer is no older
 * than what was passed along.
 */
export class Positions {
  readonly #seen = new Map<string, Seen>();

  /** A change was heard. */
  hear({ resourceName, sequence, position }: Change): void {
    const { answers, change } = this.#of(resourceName);
    if (change !== undefined && change.sequence >= sequence) return;
    this.#set(resourceName, { answers, change: { sequence, position } });
  }

  /** What a read has to pass along: a list, separated by commas; empty where nothing was seen. */
  of(resourceName: string): string {
    return textOf(this.#of(resourceName));
  }

  /** A call that passed along `passed` was answered at `position`. */
  answer(resourceName: string, position: string, passed: string): void {
    if (position === "") return;
    const { answers, change } = this.#of(resourceName);
    const covered = passed.split(",");
    const others = answers.filter((answer) => answer !== position && !covered.includes(answer));
    const isCovered = change === undefined || covered.includes(change.position);
    this.#set(resourceName, {
      answers: [...others, position].slice(-ANSWERS_MAX),
      ...(isCovered ? {} : { change }),
    });
  }

  /** What was seen is no more: the cluster was restored from before it. */
  forget(resourceName: string): void {
    this.#seen.delete(ownerOf(resourceName) ?? "");
  }

  #of(resourceName: string): Seen {
    return this.#seen.get(ownerOf(resourceName) ?? "") ?? NOTHING;
  }

  #set(resourceName: string, seen: Seen): void {
    const key = ownerOf(resourceName);
    if (key === undefined) return;
    this.#seen.delete(key);
    this.#seen.set(key, seen);
    if (this.#seen.size <= RESOURCES_MAX) return;
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest);
      return;
    }
  }
}

function textOf({ answers, change }: Seen): string {
  return (change === undefined ? answers : [...answers, change.position]).join(",");
}

/** `calendars/ana` of `calendars/ana/events/e01...`: everything below is in the same shard. */
function ownerOf(resourceName: string): string | undefined {
  return /^[^/]+\/[^/]+/u.exec(resourceName)?.[0];
}
