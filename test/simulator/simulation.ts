import { Client } from "./client.js";
import { SimulatedCluster } from "./cluster.js";
import { History } from "./history.js";
import { EFFECTS_MIN, Nemesis } from "./nemesis.js";
import { drawPlan } from "./plan.js";
import type { FaultKind, Plan } from "./plan.js";
import { PromiseBroken } from "./promise-broken.js";
import { RandomStreams } from "./random-streams.js";
import { Subscriber } from "./subscriber.js";
import { Trace } from "./trace.js";
import { judgeHistory } from "./verdict.js";
import { drive } from "./virtual-time.js";
import { eventName } from "./workload.js";

/** After the last fault everything must be as it should within this time. */
const RECOVERY_MS_MAX = 20_000;
const POLL_MS = 100;
const VIRTUAL_MS_MAX = 180_000;

export interface SeedResult {
  readonly seed: number;
  readonly broken: Error | undefined;
  readonly traceHash: string;
  readonly operations: number;
  readonly steps: number;
  readonly virtualMs: number;
  readonly effects: ReadonlyMap<FaultKind, number>;
  readonly leaderTerms: number;
  readonly snapshots: number;
  readonly memberships: number;
}

/** One life of a cluster: chaos, recovery, judgment. The same seed gives the same run, step for step. */
export async function simulate(seed: number, print?: (text: string) => void): Promise<SeedResult> {
  const streams = new RandomStreams(seed);
  const plan = drawPlan(seed, streams);
  const trace = new Trace(print);
  const cluster = new SimulatedCluster(plan, streams, trace);
  cluster.note(JSON.stringify(plan));
  const simulation = new Simulation(cluster, plan);
  await simulation.run();
  const { history, nemesis } = simulation;
  return {
    seed,
    broken: cluster.broken,
    traceHash: trace.hash,
    operations: history.operations.length,
    steps: cluster.time.steps,
    virtualMs: cluster.time.nowMs,
    effects: nemesis.effects,
    leaderTerms: cluster.truths.reduce((sum, { leaderTerms }) => sum + leaderTerms, 0),
    snapshots: cluster.seen.snapshots,
    memberships: cluster.truths.reduce((sum, { memberships }) => sum + memberships.length - 1, 0),
  };
}

class Simulation {
  readonly history = new History();
  readonly nemesis: Nemesis;
  readonly #cluster: SimulatedCluster;
  readonly #plan: Plan;
  readonly #subscribers: readonly Subscriber[];
  #begun = 0;
  #isOver = false;

  constructor(cluster: SimulatedCluster, plan: Plan) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.nemesis = new Nemesis(cluster);
    this.#subscribers = plan.shards.flatMap((shard) =>
      Array.from({ length: plan.subscribers }, (_, n) => {
        const random = cluster.streams.of(`subscriber ${shard}.${n}`);
        return new Subscriber(cluster, shard, random);
      }),
    );
  }

  async run(): Promise<void> {
    const { time } = this.#cluster;
    this.#live().then(
      () => {
        this.#isOver = true;
      },
      (error: unknown) => {
        this.#cluster.breaks(error instanceof Error ? error : new Error(String(error)));
      },
    );
    await drive(() => {
      if (this.#isOver || this.#cluster.broken !== undefined) return false;
      if (time.nowMs <= VIRTUAL_MS_MAX && time.step()) return true;
      this.#cluster.breaks(new PromiseBroken("the simulation does not come to an end"));
      return false;
    });
  }

  async #live(): Promise<void> {
    for (const node of this.#cluster.nodes) node.start();
    const clients = Array.from({ length: this.#plan.clients }, (_, n) => this.#client(`c${n}`));
    const working = Promise.all(clients.map((client) => client.run()));
    const following = Promise.all(this.#subscribers.map((subscriber) => subscriber.run()));
    this.#owned(following);
    this.#owned(working);
    await this.nemesis.run();
    await this.nemesis.heal();
    await working;
    await this.#recover();
    this.#judge();
    for (const subscriber of this.#subscribers) subscriber.stop();
  }

  #owned(task: Promise<unknown>): void {
    task.catch((error: unknown) => {
      this.#cluster.breaks(error instanceof Error ? error : new Error(String(error)));
    });
  }

  #client(name: string): Client {
    return new Client({
      name,
      context: this.#cluster,
      nodes: () => this.#cluster.nodes,
      history: this.history,
      random: this.#cluster.streams.of(name),
      takesAnother: () => this.#begun++ < this.#plan.operations,
    });
  }

  /** Nothing fails any more: everyone must get to the same state, and serve. */
  async #recover(): Promise<void> {
    const { time, nodes } = this.#cluster;
    const endMs = time.nowMs + RECOVERY_MS_MAX;
    const client = this.#client("last");
    for (const shard of this.#plan.shards) {
      const event = eventName(shard, 999);
      while (!(await client.write(shard, event)))
        this.#requireTime(endMs, `shard ${shard} takes no write`);
      for (const node of this.#cluster.members(shard)) {
        while (!(await client.readAt(node, shard, event))) {
          this.#requireTime(endMs, `${node.name} serves no read`);
          await time.sleep(POLL_MS);
        }
      }
      while (!this.#isConverged(shard)) {
        this.#requireTime(endMs, `the replicas of shard ${shard} stay apart`);
        await time.sleep(POLL_MS);
      }
    }
    while (nodes.some((node) => !node.isRetired && node.isForgetful)) {
      this.#requireTime(endMs, "a disk that lost something is not repaired");
      await time.sleep(POLL_MS);
    }
    while (!this.#haveSubscribersAll()) {
      this.#requireTime(endMs, "a subscriber does not hear everything");
      await time.sleep(POLL_MS);
    }
    while (this.#plan.shards.some((shard) => this.#cluster.truth(shard).isAheadOfDisks)) {
      this.#requireTime(endMs, "a change is published and not written");
      await time.sleep(POLL_MS);
    }
  }

  #isConverged(shard: number): boolean {
    const statuses = this.#cluster.members(shard).map((node) => node.find(shard)?.status());
    const states = new Set(statuses.map((status) => `${status?.applied} ${status?.stateHash}`));
    return states.size === 1 && statuses[0] !== undefined;
  }

  #haveSubscribersAll(): boolean {
    return this.#subscribers.every(
      (subscriber) => subscriber.at >= this.#cluster.truth(subscriber.shard).feed.length,
    );
  }

  #requireTime(endMs: number, what: string): void {
    if (this.#cluster.time.nowMs < endMs) return;
    throw new PromiseBroken(`${what}, ${RECOVERY_MS_MAX / 1000} s after the last fault`);
  }

  #judge(): void {
    for (const shard of this.#plan.shards) {
      const truth = this.#cluster.truth(shard);
      truth.requireProven();
      truth.requirePublished();
      judgeHistory(truth, shard, this.history);
    }
    for (const subscriber of this.#subscribers) subscriber.requireSkipsAllowed();
    if (this.nemesis.total < EFFECTS_MIN) throw new PromiseBroken("the faults had no effect");
  }
}
