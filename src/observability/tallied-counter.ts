import { Counter } from "prom-client";
import type { Registry } from "prom-client";

/** What one combination of labels has counted since it was last asked. */
export interface Tally {
  count: number;
}

/**
 * A counter for what happens with every call. prom-client makes a text of all labels each time that it counts, which costs more
 * than what is counted: here whoever counts keeps the tally of its labels, and it is told when somebody asks.
 */
export class TalliedCounter<Label extends string> {
  readonly #tallies: { readonly labels: Record<Label, string>; readonly tally: Tally }[] = [];

  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: readonly Label[];
    readonly registry: Registry;
  }) {
    const { name, help, labelNames, registry } = options;
    const counter = new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: () => {
        for (const { labels, tally } of this.#tallies) {
          if (tally.count > 0) counter.inc(labels, tally.count);
          tally.count = 0;
        }
      },
    });
  }

  /** To be kept: each one is asked for ever. */
  tally(labels: Record<Label, string>): Tally {
    const tally = { count: 0 };
    this.#tallies.push({ labels, tally });
    return tally;
  }
}
