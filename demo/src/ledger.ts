/** Writes that are kept per lane; older ones were judged long ago. */
const KEPT_MAX = 5_000;

/**
 * What was acknowledged beside what came back, told apart by positions alone. A lane is one writer's writes in one
 * calendar: they are heard in the order in which they were acknowledged.
 */
export class Ledger {
  acknowledged = 0;
  seen = 0;
  duplicated = 0;
  readonly #lanes = new Map<string, Lane>();

  acknowledge(lane: string, position: string): void {
    this.acknowledged += 1;
    this.#lane(lane).acknowledge(position);
  }

  /** A change as the live channel gave it. */
  hear(lane: string, position: string): void {
    if (this.#lane(lane).hear(position)) this.seen += 1;
    else this.duplicated += 1;
  }

  /** Acknowledged, and not heard though a later one was. */
  get lost(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.lost, 0);
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes.set(name, lane);
    }
    return lane;
  }
}

class Lane {
  /** Acknowledged and not yet heard, in order. */
  readonly #open: string[] = [];
  readonly #heard = new Set<string>();
  lost = 0;

  acknowledge(position: string): void {
    // A push may be faster than the answer.
    if (!this.#heard.has(position)) this.#open.push(position);
  }

  /** False for one that came before. */
  hear(position: string): boolean {
    if (this.#heard.has(position)) return false;
    this.#heard.add(position);
    for (const oldest of this.#heard) {
      if (this.#heard.size <= KEPT_MAX) break;
      this.#heard.delete(oldest);
    }
    const at = this.#open.indexOf(position);
    if (at >= 0) {
      this.lost += at;
      this.#open.splice(0, at + 1);
    }
    return true;
  }
}
