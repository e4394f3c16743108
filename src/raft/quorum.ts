import type { ReplicaId } from "./types.js";

export type Voters = ReadonlySet<ReplicaId>;

/** During a joint change a decision needs a majority of both sets; otherwise `outgoing` is empty and agrees to anything. */
export interface JointVoters {
  readonly incoming: Voters;
  readonly outgoing: Voters;
}

export type VoteResult = "won" | "lost" | "pending";

/** What a voter is known to hold; undefined counts as nothing. */
export type AckedIndex = (id: ReplicaId) => number | undefined;

/**
 * Largest index that a majority is known to hold. Infinity for no voters, so that the other half of a joint decision
 * decides alone.
 */
export function majorityIndex(voters: Voters, acked: AckedIndex): number {
  if (voters.size === 0) return Infinity;
  const indexes: number[] = [];
  for (const id of voters) indexes.push(acked(id) ?? 0);
  indexes.sort((a, b) => b - a);
  return indexes[voters.size >> 1] ?? 0;
}

export function majorityVote(voters: Voters, votes: ReadonlyMap<ReplicaId, boolean>): VoteResult {
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  const needed = voters.size === 0 ? 0 : (voters.size >> 1) + 1;
  if (granted >= needed) return "won";
  return granted + missing >= needed ? "pending" : "lost";
}

export function jointIndex(voters: JointVoters, acked: AckedIndex): number {
  return Math.min(majorityIndex(voters.incoming, acked), majorityIndex(voters.outgoing, acked));
}

export function jointVote(voters: JointVoters, votes: ReadonlyMap<ReplicaId, boolean>): VoteResult {
  const incoming = majorityVote(voters.incoming, votes);
  const outgoing = majorityVote(voters.outgoing, votes);
  if (incoming === "lost" || outgoing === "lost") return "lost";
  return incoming === "won" && outgoing === "won" ? "won" : "pending";
}
