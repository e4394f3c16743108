import type { Operator } from "./client/operator.js";
import { planLeaders } from "./plan-leaders.js";

export interface MovedLeader {
  readonly shard: string;
  readonly leader: string;
}

/** Hands over everything that a node leads, to whoever leads least. */
export async function drainNode(operator: Operator, node: string): Promise<readonly MovedLeader[]> {
  const status = await operator.status();
  const led = status.shards.filter(({ leader }) => leader === node).map(({ name }) => name);
  return await moveLeaders(operator, planLeaders(status, node), led);
}

export async function moveLeaders(
  operator: Operator,
  plan: ReadonlyMap<string, string>,
  shards: readonly string[],
): Promise<readonly MovedLeader[]> {
  const moved: MovedLeader[] = [];
  for (const shard of shards) {
    const toNode = plan.get(shard) ?? "";
    const { leader } = await operator.atLeader(shard, (at) => at.transferLeader({ shard, toNode }));
    moved.push({ shard, leader });
  }
  return moved;
}
