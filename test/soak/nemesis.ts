import { isAlive } from "../support/up-cluster.js";
import type { UpCluster } from "../support/up-cluster.js";

type Target = "fan-out" | "coordinator" | "node" | "leader";
const TARGETS: readonly Target[] = ["fan-out", "coordinator", "node", "leader"];
const PAUSE_MS_MAX = 3_000;

/** Kills and pauses processes at random, one at a time. */
export class Nemesis {
  readonly done = new Map<string, number>();
  readonly #cluster: UpCluster;
  readonly #random: () => number;

  constructor(cluster: UpCluster, random: () => number) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** Resolves when the cluster has what it needs again. */
  async strike(): Promise<void> {
    const target = this.#pick(TARGETS);
    const name = await this.#victim(target);
    if (this.#random() < 0.7) {
      this.#count(`kill ${target}`);
      await this.#cluster.kill(name);
    } else {
      this.#count(`pause ${target}`);
      await this.#pause(name);
    }
    await this.#cluster.healthy();
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
        return this.#pick((await this.#cluster.status()).shards).leader;
    }
  }

  async #pause(name: string): Promise<void> {
    const { fanouts, coordinators, nodes } = this.#cluster.current();
    const pid = [...fanouts, ...coordinators, ...nodes].find((one) => one.name === name)?.pid ?? 0;
    if (!isAlive(pid)) return;
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
