import { Counter } from "prom-client";
import type { Registry } from "prom-client";

/**
 * A counter that follows a value which someone else counts, such as an index. It counts from where it first saw the value:
 * what a process did before it could be asked is not counted twice after a restart.
 */
export class FollowedCounter<Label extends string> {
  readonly #counter: Counter<Label>;
  readonly #seen = new Map<string, number>();

  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: readonly Label[];
    readonly registry: Registry;
  }) {
    const { name, help, labelNames, registry } = options;
    this.#counter = new Counter({ name, help, labelNames, registers: [registry] });
  }

  /** A value below the last one is a new life of its source, and counts from there. */
  follow(labels: Readonly<Record<Label, string>>, value: number): void {
    const key = JSON.stringify(labels);
    const before = this.#seen.get(key) ?? value;
    this.#seen.set(key, value);
    this.#counter.inc(labels, Math.max(0, value - before));
  }
}
