import type { ClusterStatus, Shard } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { findShard, nextLeaderMove, observeLeaders } from "../placement/index.js";
import type { LeaderMove } from "../placement/index.js";
import { clusterStatus } from "./cluster-status.js";
import type { NodeContext } from "./context.js";
import { Repeated } from "./repeated.js";
import type { After } from "./repeated.js";

export interface LeaderBalancing {
  /** How long nothing must have changed before a leader is moved; and between two moves. */
  readonly calmMs: number;
  readonly clock: BalancerClock;
  readonly observer: BalanceObserver;
}

export interface BalancerClock {
  monotonicMs(): number;
  readonly after: After;
}

export interface BalanceObserver {
  leaderMoved(move: LeaderMove): void;
  failed(cause: unknown): void;
}

const LOOK_MS = 1000;
const TRANSFER_MS = 5000;

/**
 * Spreads the leaders over the nodes by what they have to do, where this node leads the `system` shard: one at a time, and only
 * after a calm. Whatever changes who leads, who is in a shard or who answers begins another calm: while nodes die and come back,
 * and while an operator works, nothing is moved.
 */
export class LeaderBalancer {
  readonly #context: NodeContext;
  readonly #options: LeaderBalancing;
  #seen = "";
  #calmSinceMs = 0;
  readonly #looking: Repeated;

  constructor(context: NodeContext, options: LeaderBalancing) {
    this.#context = context;
    this.#options = options;
    this.#looking = new Repeated({
      after: (delayMs, run) => options.clock.after(delayMs, run),
      pauseMs: LOOK_MS,
      work: () => this.#look(),
      failed: (cause) => {
        this.#seen = "";
        options.observer.failed(cause);
      },
    });
  }

  close(): void {
    this.#looking.close();
  }

  async #look(): Promise<void> {
    if (!this.#leadsSystem()) {
      this.#seen = "";
      return;
    }
    const status = await clusterStatus(this.#context);
    if (!this.#isCalm(status) || this.#looking.isClosed) return;
    const draining = status.nodes.filter((node) => node.draining).map(({ name }) => name);
    const move = nextLeaderMove(observeLeaders(status.shards, new Set(draining)));
    if (move === undefined) return;
    const { shard, from, to: toNode } = move;
    const { calls } = this.#context.options;
    calls.learn(this.#context.nodes);
    await calls.transferLeader(from, { shard, toNode }, TRANSFER_MS);
    this.#options.observer.leaderMoved(move);
  }

  #leadsSystem(): boolean {
    const system = findShard(this.#context.options.rangeMap, "system", "");
    return (
      system !== undefined && this.#context.findReplica(system.number)?.status().role === "leader"
    );
  }

  #isCalm({ shards, nodes }: ClusterStatus): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const seen = JSON.stringify([
      shards.map(describe),
      nodes.map(({ name, draining }) => [name, draining]),
    ]);
    if (seen !== this.#seen || shards.some(({ leader }) => leader === "")) {
      this.#seen = seen;
      this.#calmSinceMs = nowMs;
    }
    return nowMs - this.#calmSinceMs >= this.#options.calmMs;
  }
}

const describe = ({ name, leader, term, replicas }: Shard) => [
  name,
  leader,
  String(term),
  replicas.map(({ id, learner, leaving, reachable }) => [id, learner, leaving, reachable]),
];
