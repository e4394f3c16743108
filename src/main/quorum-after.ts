import type { Shard } from "../../gen/cabildo/admin/v1/admin_pb.js";

/** `stop`: a voter does not answer for a while. */
export type PlannedChange =
  | { readonly kind: "stop" | "add" | "promote" | "remove"; readonly node: string }
  | { readonly kind: "replace"; readonly node: string; readonly byNode: string };

/** What a change would leave of a shard. */
export interface QuorumAfter {
  readonly shard: string;
  /** How many votes there are then, and how many of those answer now. */
  readonly voters: number;
  readonly answering: number;
  readonly serves: boolean;
}

export function quorumAfter(shard: Shard, change: PlannedChange): QuorumAfter {
  const voters = votersAfter(shard, change);
  const stopped = change.kind === "stop" ? change.node : undefined;
  const answering = voters.filter(
    (node) => node !== stopped && shard.replicas.every((one) => one.node !== node || canVote(one)),
  ).length;
  return {
    shard: shard.name,
    voters: voters.length,
    answering,
    serves: answering > voters.length / 2,
  };
}

/** By name; one that is to come is in no replica yet. */
function votersAfter({ replicas }: Shard, change: PlannedChange): readonly string[] {
  const voters = new Set(
    replicas.filter(({ learner, leaving }) => !learner && !leaving).map(({ node }) => node),
  );
  if (change.kind === "remove" || change.kind === "replace") voters.delete(change.node);
  if (change.kind === "replace") voters.add(change.byNode);
  if (change.kind === "promote") voters.add(change.node);
  return [...voters];
}

function canVote(replica: { readonly reachable: boolean; readonly quarantine: string }): boolean {
  return replica.reachable && replica.quarantine === "";
}

/** Throws where a shard would stand still. */
export function requireQuorum(plans: readonly QuorumAfter[]): void {
  const lost = plans.filter(({ serves }) => !serves);
  if (lost.length === 0) return;
  const shards = lost.map(
    ({ shard, answering, voters }) => `${shard} (${answering} of ${voters} votes)`,
  );
  throw new Error(
    `no majority would answer in ${shards.join(", ")}: bring back what is silent first`,
  );
}
