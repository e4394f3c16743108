import type { Shard } from "../../gen/cabildo/admin/v1/admin_pb.js";

/** What taking a node away would leave of a shard. */
export interface QuorumAfter {
  readonly shard: string;
  /** How many votes there are then, and how many of those answer now. */
  readonly voters: number;
  readonly answering: number;
  readonly serves: boolean;
}

/**
 * `removed`: the node's vote is taken away. `stopped`: it is a voter that does not answer for a while.
 */
export function quorumAfter(shard: Shard, node: string, how: "removed" | "stopped"): QuorumAfter {
  const voters = shard.replicas.filter(({ learner, leaving }) => !learner && !leaving);
  const left = how === "removed" ? voters.filter((one) => one.node !== node) : voters;
  const answering = left.filter((one) => one.node !== node && canVote(one)).length;
  return {
    shard: shard.name,
    voters: left.length,
    answering,
    serves: answering > left.length / 2,
  };
}

function canVote(replica: { readonly reachable: boolean; readonly quarantine: string }): boolean {
  return replica.reachable && replica.quarantine === "";
}

/** Throws where a shard would stand still. */
export function requireQuorum(plans: readonly QuorumAfter[], node: string): void {
  const lost = plans.filter(({ serves }) => !serves);
  if (lost.length === 0) return;
  const shards = lost.map(
    ({ shard, answering, voters }) => `${shard} (${answering} of ${voters} votes)`,
  );
  throw new Error(
    `without ${node} no majority would answer in ${shards.join(", ")}: bring back what is silent first`,
  );
}
