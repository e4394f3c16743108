import { eventually } from "../support/eventually.js";
import { isAlive } from "../support/up-cluster.js";
import type { UpCluster } from "../support/up-cluster.js";
import { Blows, nameOf, TARGETS } from "./blows.js";
import type { Blow, Target } from "./blows.js";

export const ALL_AT_ONCE = "kill all at once";

const PAUSE_MS_MAX = 3_000;
const PAIR_CHANCE = 0.3;
/** They start one after the other, beside hundreds who come back. */
const ALL_BACK_MS = 180_000;

interface Strike {
  readonly blow: Blow;
  readonly name: string;
}

type Struck = Pick<UpCluster, "current" | "kill" | "pidOf"> & {
  healthy(): Promise<unknown>;
  status(): Promise<{ readonly shards: readonly { readonly leader: string }[] }>;
};

/**
 * Kills and pauses processes, sometimes two at a time, but not so that a shard is left without a majority; and once all of them
 * at the same moment.
 */
export class Nemesis {
  readonly done = new Map<string, number>();
  readonly #cluster: Struck;
  readonly #random: () => number;
  readonly #blows: Pick<Blows, "next" | "dealt" | "wereDealtOnce">;

  constructor(
    cluster: Struck,
    random: () => number,
    blows: Pick<Blows, "next" | "dealt" | "wereDealtOnce"> = new Blows(random),
  ) {
    this.#cluster = cluster;
    this.#random = random;
    this.#blows = blows;
  }

  /** Each target was killed, and paused. */
  get hasDealtEach(): boolean {
    return this.#blows.wereDealtOnce;
  }

  /** Resolves when the cluster has what it needs again. */
  async strike(): Promise<void> {
    const strikes = await this.#choose();
    await Promise.all(strikes.map((strike) => this.#deal(strike)));
    if (strikes.length > 1) this.#count("two at a time");
    await this.#cluster.healthy();
  }

  /** Every process that serves: the supervisor alone is left. */
  async strikeAll(): Promise<void> {
    const { nodes, coordinators, fanouts } = this.#cluster.current();
    const names = [...nodes, ...coordinators, ...fanouts].map(({ name }) => name);
    await Promise.all(names.map((name) => this.#cluster.kill(name)));
    this.#count(ALL_AT_ONCE);
    const areBack = async (): Promise<boolean> => {
      await Promise.all(names.map((name) => this.#cluster.pidOf(name)));
      await this.#cluster.healthy();
      return true;
    };
    await eventually(areBack, { timeoutMs: ALL_BACK_MS, what: "all of them to be back" });
  }

  /** Each node has a replica of every shard. */
  async #choose(): Promise<readonly Strike[]> {
    const first = await this.#aim(this.#blows.next(TARGETS));
    if (this.#random() > PAIR_CHANCE) return [first];
    const { target } = first.blow;
    const isNode = target === "node" || target === "leader";
    const others: readonly Target[] = isNode ? ["fan-out", "coordinator"] : TARGETS;
    const second = await this.#aim(this.#blows.next(others, first.blow));
    return second.name === first.name ? [first] : [first, second];
  }

  async #aim(blow: Blow): Promise<Strike> {
    return { blow, name: await this.#victim(blow.target) };
  }

  async #deal({ blow, name }: Strike): Promise<void> {
    await (blow.act === "kill" ? this.#cluster.kill(name) : this.#pause(name));
    this.#count(nameOf(blow));
    this.#blows.dealt(blow);
  }

  async #victim(target: Target): Promise<string> {
    const { fanouts, coordinators, nodes } = this.#cluster.current();
    switch (target) {
      case "fan-out":
        return this.#pick(fanouts).name;
      case "coordinator":
        return this.#pick(coordinators).name;
      case "node":
        return this.#pick(nodes).name;
      case "leader":
        return await eventually(() => this.#findLeader());
    }
  }

  /** Of some shard; undefined where that has none just now. */
  async #findLeader(): Promise<string | undefined> {
    const { leader } = this.#pick((await this.#cluster.status()).shards);
    return leader === "" ? undefined : leader;
  }

  async #pause(name: string): Promise<void> {
    const pid = await this.#cluster.pidOf(name);
    process.kill(pid, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, this.#random() * PAUSE_MS_MAX));
    if (isAlive(pid)) process.kill(pid, "SIGCONT");
  }

  #pick<T>(list: readonly T[]): T {
    const picked = list[Math.floor(this.#random() * list.length)];
    if (picked === undefined) throw new Error("nothing to choose from");
    return picked;
  }

  #count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }
}
