/** Resources whose latest positions are remembered; the oldest is forgotten first. */
const RESOURCES_MAX = 1000;

/**
 * What this client has seen: the latest position of each calendar, group and user that it wrote, read or heard of.
 * Passed along with a read, it makes the read see at least that, whichever replica answers.
 */
export class Positions {
  readonly #latest = new Map<string, string>();

  note(resourceName: string, position: string): void {
    const key = ownerOf(resourceName);
    if (key === undefined || position === "") return;
    this.#latest.delete(key);
    this.#latest.set(key, position);
    if (this.#latest.size <= RESOURCES_MAX) return;
    for (const oldest of this.#latest.keys()) {
      this.#latest.delete(oldest);
      return;
    }
  }

  /** Empty where nothing was seen. */
  of(resourceName: string): string {
    const key = ownerOf(resourceName);
    return (key === undefined ? undefined : this.#latest.get(key)) ?? "";
  }
}

/** `calendars/ana` of `calendars/ana/events/e01...`: everything below is in the same shard. */
function ownerOf(resourceName: string): string | undefined {
  return /^[^/]+\/[^/]+/u.exec(resourceName)?.[0];
}
