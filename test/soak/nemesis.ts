import { eventually } from "../support/eventually.js";
import { isAlive } from "../support/up-cluster.js";
import type { UpCluster } from "../support/up-cluster.js";

type Target = "fan-out" | "coordinator" | "node" | "leader";
const TARGETS: readonly Target[] = ["fan-out", "coordinator", "node", "leader"];
const PAUSE_MS_MAX = 3_000;
const PAIR_CHANCE = 0.3;
/** They start one after the other, beside hundreds who come back. */
const ALL_BACK_MS = 180_000;

interface Blow {
  readonly target: Target;
  readonly name: string;
}

type Struck = Pick<UpCluster, "current" | "healthy" | "kill" | "pidOf"> & {
  status(): Promise<{ readonly shards: readonly { readonly leader: string }[] }>;
};

/**
 * Kills and pauses processes at random, sometimes two at a time, but not so that a shard is left without a majority; and once all
 * nodes at the same moment.
 */
export class Nemesis {
  readonly done = new Map<string, number>();
  readonly #cluster: Struck;
  readonly #random: () => number;

  constructor(cluster: Struck, random: () => number) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** Resolves when the cluster has what it needs again. */
  async strike(): Promise<void> {
    const blows = await this.#choose();
    if (blows.length > 1) this.#count("two at a time");
    await Promise.all(blows.map((blow) => this.#deal(blow)));
    await this.#cluster.healthy();
  }

  /** All replicas of every shard. */
  async strikeAllNodes(): Promise<void> {
    const { nodes } = this.#cluster.current();
    this.#count("kill all nodes");
    await Promise.all(nodes.map(({ name }) => this.#cluster.kill(name)));
    await eventually(() => this.#cluster.healthy(), { timeoutMs: ALL_BACK_MS });
  }

  /** Each node has a replica of every shard. */
  async #choose(): Promise<readonly Blow[]> {
    const first = await this.#aim(TARGETS);
    if (this.#random() > PAIR_CHANCE) return [first];
    const isNode = first.target === "node" || first.target === "leader";
    const second = await this.#aim(isNode ? ["fan-out", "coordinator"] : TARGETS);
    return second.name === first.name ? [first] : [first, second];
  }

  async #aim(targets: readonly Target[]): Promise<Blow> {
    const target = this.#pick(targets);
    return { target, name: await this.#victim(target) };
  }

  async #deal({ target, name }: Blow): Promise<void> {
    const isKilled = this.#random() < 0.7;
    this.#count(`${isKilled ? "kill" : "pause"} ${target}`);
    await (isKilled ? this.#cluster.kill(name) : this.#pause(name));
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
