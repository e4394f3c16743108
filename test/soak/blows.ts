export interface Blow {
  readonly act: "kill" | "pause";
  readonly target: Target;
}

export type Target = "fan-out" | "coordinator" | "node" | "leader";

export const TARGETS: readonly Target[] = ["fan-out", "coordinator", "node", "leader"];
/** Each target, in each way. */
export const BLOWS: readonly Blow[] = (["kill", "pause"] as const).flatMap((act) =>
  TARGETS.map((target) => ({ act, target })),
);

const KILL_CHANCE = 0.7;

/** The blows in the order in which they are dealt: each once, in an order that chance makes, and then whatever chance says. */
export class Blows {
  readonly #random: () => number;
  /** Those that were not dealt yet, the next one first. */
  #due: readonly Blow[];

  constructor(random: () => number) {
    this.#random = random;
    this.#due = BLOWS.map((blow) => ({ blow, order: random() }))
      .sort((a, b) => a.order - b.order)
      .map(({ blow }) => blow);
  }

  get wereDealtOnce(): boolean {
    return this.#due.length === 0;
  }

  /** At one of these targets. It stays the next one until it was dealt; `beside` is being dealt already. */
  next(targets: readonly Target[], beside?: Blow): Blow {
    const due = this.#due.find((blow) => !isSame(blow, beside) && targets.includes(blow.target));
    if (due !== undefined) return due;
    const target = targets[Math.floor(this.#random() * targets.length)];
    if (target === undefined) throw new Error("nothing to strike");
    return { act: this.#random() < KILL_CHANCE ? "kill" : "pause", target };
  }

  dealt(blow: Blow): void {
    this.#due = this.#due.filter((due) => !isSame(due, blow));
  }
}

export function nameOf({ act, target }: Blow): string {
  return `${act} ${target}`;
}

function isSame(one: Blow, other: Blow | undefined): boolean {
  return one.act === other?.act && one.target === other.target;
}
