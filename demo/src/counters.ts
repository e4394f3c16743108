import type { Killed } from "./cluster.js";
import { byId, make } from "./dom.js";
import type { Ledger } from "./ledger.js";
import type { Beat } from "./pulse.js";
import type { Word, Words } from "./words.js";

const NAMES = ["acknowledged", "seen", "lost", "duplicated", "failover", "kills"] as const;
/** Until then a kill may still be waiting for its failover to be seen. */
const FAILOVER_MAX_MS = 30_000;

/** A kill whose shards have not answered a write that was sent after it. */
interface Open {
  readonly atMs: number;
  readonly shards: Set<string>;
}

/** The numbers of the page, all from positions and the clock of the page. */
export class Counters {
  readonly #ledger: Ledger;
  readonly #words: Words;
  readonly #values = new Map<Word, HTMLElement>();
  readonly #labels = new Map<Word, HTMLElement>();
  #open: Open | undefined;
  #failoverMs: number | undefined;
  #kills = 0;

  constructor(ledger: Ledger, words: Words) {
    this.#ledger = ledger;
    this.#words = words;
    for (const name of NAMES) {
      const value = make("dd", "");
      value.id = name;
      const label = make("dt", "");
      this.#values.set(name, value);
      this.#labels.set(name, label);
      byId("counters").append(make("div", name, value, label));
    }
    words.onChange(() => this.draw());
    this.draw();
  }

  killed({ shards }: Killed, atMs: number): void {
    this.#kills += 1;
    this.#open = { atMs, shards: new Set(shards) };
    this.#failoverMs = undefined;
    this.draw();
  }

  /** From the kill to the first answer to a write that was sent after it, of the last shard that lost its leader. */
  beat({ shard, sentMs, answeredMs }: Beat): void {
    const open = this.#open;
    if (open === undefined || sentMs < open.atMs || !open.shards.delete(shard)) return;
    this.#failoverMs = Math.max(this.#failoverMs ?? 0, answeredMs - open.atMs);
    if (answeredMs - open.atMs > FAILOVER_MAX_MS) this.#open = undefined;
    this.draw();
  }

  draw(): void {
    const { acknowledged, seen, lost, duplicated } = this.#ledger;
    const number = (value: number): string => value.toLocaleString(this.#words.language);
    const failover =
      this.#failoverMs === undefined ? "–" : `${number(Math.round(this.#failoverMs))} ms`;
    const shown: Readonly<Record<(typeof NAMES)[number], string>> = {
      acknowledged: number(acknowledged),
      seen: number(seen),
      lost: number(lost),
      duplicated: number(duplicated),
      failover,
      kills: number(this.#kills),
    };
    for (const name of NAMES) {
      const value = this.#values.get(name);
      const label = this.#labels.get(name);
      if (value !== undefined) value.textContent = shown[name];
      if (name === "lost" || name === "duplicated") {
        value?.parentElement?.classList.toggle("bad", this.#ledger[name] > 0);
      }
      if (label !== undefined) label.textContent = this.#words.of(name);
    }
  }
}
