import type { ClusterStatus, Shard } from "../../gen/cabildo/admin/v1/admin_pb.js";

/**
 * Who should lead each shard, so that no node leads two more than another where that can be: as few changes as it takes, and none
 * to a node that does not answer, may not vote, or is `without`.
 */
export function planLeaders(
  { shards }: Pick<ClusterStatus, "shards">,
  without = "",
): ReadonlyMap<string, string> {
  const plan = new Map<string, string>();
  const led = new Map<string, number>();
  const give = (shard: string, node: string) => {
    plan.set(shard, node);
    led.set(node, (led.get(node) ?? 0) + 1);
  };
  const fair = Math.ceil(shards.length / Math.max(1, candidates(shards, without).size));
  const open: Shard[] = [];
  for (const shard of shards) {
    const keeps = shard.leader !== without && (led.get(shard.leader) ?? 0) < fair;
    if (shard.leader !== "" && keeps) give(shard.name, shard.leader);
    else open.push(shard);
  }
  for (const shard of open) {
    const [least] = fitOf(shard, without).sort((a, b) => (led.get(a) ?? 0) - (led.get(b) ?? 0));
    if (least !== undefined) give(shard.name, least);
  }
  return plan;
}

function candidates(shards: readonly Shard[], without: string): ReadonlySet<string> {
  return new Set(shards.flatMap((shard) => fitOf(shard, without)));
}

function fitOf({ replicas }: Shard, without: string): string[] {
  return replicas
    .filter(({ node, learner, leaving, reachable, quarantine }) => {
      return node !== without && !learner && !leaving && reachable && quarantine === "";
    })
    .map(({ node }) => node);
}
