import { Histogram } from "prom-client";
import type { Registry } from "prom-client";

/** How many values are kept before they are told. */
const KEPT_MAX = 256;

/** Takes the values of one combination of labels. */
export interface Observations {
  observe(value: number): void;
}

/** A histogram for what happens with every call: as TalliedCounter, it tells prom-client of many at a time. */
export class TalliedHistogram<Label extends string> {
  readonly #histogram: Histogram<Label>;
  readonly #kept: Kept[] = [];

  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: readonly Label[];
    /** Upper bounds, ascending. */
    readonly buckets: number[];
    readonly registry: Registry;
  }) {
    const { registry, ...histogram } = options;
    this.#histogram = new Histogram({
      ...histogram,
      registers: [registry],
      collect: () => {
        for (const kept of this.#kept) kept.tell();
      },
    });
  }

  /** To be kept: each one is asked for ever. */
  of(labels: Record<Label, string>): Observations {
    const kept = new Kept((value) => this.#histogram.observe(labels, value));
    this.#kept.push(kept);
    return kept;
  }
}

class Kept implements Observations {
  readonly #tell: (value: number) => void;
  readonly #values: number[] = [];

  constructor(tell: (value: number) => void) {
    this.#tell = tell;
  }

  observe(value: number): void {
    this.#values.push(value);
    if (this.#values.length >= KEPT_MAX) this.tell();
  }

  tell(): void {
    for (const value of this.#values) this.#tell(value);
    this.#values.length = 0;
  }
}
