import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterStatus } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { observeLeaders, planLeaderMoves } from "../placement/index.js";
import type { LeaderMove } from "../placement/index.js";
import { isPassing, type Operator } from "./client/operator.js";

/** While others restart or catch up, a node may be slow to take over, or somebody else hands over first. */
const PATIENCE_MS = 30_000;
const PLAN_AGAIN_MS = 500;

type Cluster = Pick<Operator, "status" | "atNode" | "atLeader">;

export interface MovedLeader {
  readonly shard: string;
  readonly leader: string;
}

/**
 * Hands over everything that a node leads, to whoever has least to do. Until it is started again, or the drain is undone, it
 * leads only what no other node can. Throws if that is something at the end of the patience; the drain is not undone then.
 */
export async function drainNode(
  operator: Cluster,
  node: string,
  patienceMs = PATIENCE_MS,
): Promise<readonly MovedLeader[]> {
  await (await operator.atNode(node)).drainNode({});
  const endMs = performance.now() + patienceMs;
  const moved: MovedLeader[] = [];
  let trouble = "";
  for (let isLast = false; ; isLast = performance.now() > endMs) {
    const status = await operator.status();
    const led = status.shards.filter(({ leader }) => leader === node).map(({ name }) => name);
    if (led.length === 0) return moved;
    if (isLast) throw new Error(`${node} still leads ${led.join(", ")}: ${trouble}`);
    trouble = `no other node can lead ${led.length === 1 ? "it" : "them"} now`;
    const moves = planLeaderMoves(placementOf(status, [node])).filter(({ from }) => from === node);
    try {
      for (const move of moves) moved.push(...(await moveLeaders(operator, [move])));
      if (moves.length > 0) continue;
    } catch (cause) {
      if (!isPassing(cause)) throw cause;
      trouble = cause instanceof Error ? cause.message : String(cause);
    }
    await sleep(PLAN_AGAIN_MS);
  }
}

/** Nodes that are drained lead nothing, as those in `without`. */
export function placementOf({ shards, nodes }: ClusterStatus, without: readonly string[] = []) {
  const draining = nodes.filter((node) => node.draining).map(({ name }) => name);
  return observeLeaders(shards, new Set([...draining, ...without]));
}

export async function moveLeaders(
  operator: Cluster,
  moves: readonly LeaderMove[],
): Promise<readonly MovedLeader[]> {
  const moved: MovedLeader[] = [];
  for (const { shard, to: toNode } of moves) {
    const { leader } = await operator.atLeader(shard, (at) => at.transferLeader({ shard, toNode }));
    moved.push({ shard, leader });
  }
  return moved;
}
