import type { LogPosition } from "./config.js";
import { isAtLeast } from "./log.js";
import type { Replica } from "./replica.js";
import { broadcastAppend } from "./replication.js";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.js";
import type { Message } from "./types.js";
import { NONE } from "./types.js";

/** transfer: the leader asked for it, so neither a pre-vote nor the voters' lease stands in the way. */
export type CampaignKind = "pre-vote" | "election" | "transfer";

type VoteRequest = Extract<Message, { kind: "vote" | "pre-vote" }>;
type VoteResponse = Extract<Message, { kind: "vote-response" | "pre-vote-response" }>;

/** Time, or somebody who asks: campaigns unless this replica leads or must not. */
export function tryCampaign(replica: Replica, kind: CampaignKind): void {
  if (replica.role === "leader" || !isPromotable(replica)) return;
  // A replica that does not yet act on a committed change could win with a majority that no longer is one.
  if (mayHaveUnappliedConfChange(replica)) return;
  campaign(replica, kind);
}

/** A voter whose log is whole, and that its owner lets lead. */
export function isPromotable(replica: Replica): boolean {
  return (
    replica.mustReach === undefined &&
    replica.mayVote &&
    replica.mayLead &&
    replica.log.unstable.snapshot === undefined &&
    replica.tracker.find(replica.id) !== undefined &&
    !replica.tracker.isLearner(replica.id)
  );
}

export function hearVoteRequest(replica: Replica, request: VoteRequest): void {
  const isReal = request.kind === "vote";
  const canVote =
    replica.vote === request.from ||
    (replica.vote === NONE && replica.leader === NONE) ||
    (!isReal && request.term > replica.term);
  const last = { index: request.lastIndex, term: request.lastTerm };
  // Learners vote too: a promoted one may be needed for the quorum before it hears of its promotion.
  const grant = canVote && isCompleteEnough(replica, last);
  replica.send({
    kind: isReal ? "vote-response" : "pre-vote-response",
    from: replica.id,
    to: request.from,
    // A granted pre-vote is for the term asked about; a refusal tells the asker the term of now.
    term: grant ? request.term : replica.term,
    reject: !grant,
  });
  if (grant && isReal) {
    replica.electionElapsed = 0;
    replica.vote = request.from;
  }
}

/** Also by what was promised: a log that lost entries must not make a shorter one look complete. */
function isCompleteEnough({ mayVote, mustReach, log }: Replica, last: LogPosition): boolean {
  if (!mayVote || !log.isUpToDate(last)) return false;
  if (mustReach === undefined) return true;
  const { promised } = mustReach;
  return promised !== undefined && isAtLeast(last, promised);
}

export function hearVoteResponse(replica: Replica, response: VoteResponse): void {
  const isPreVote = replica.role === "pre-candidate";
  if (response.kind !== (isPreVote ? "pre-vote-response" : "vote-response")) return;
  // Granted for another term: an answer to an earlier question.
  if (isPreVote && !response.reject && response.term !== replica.term + 1) return;
  switch (replica.tracker.recordVote(response.from, !response.reject)) {
    case "won":
      if (isPreVote) {
        campaign(replica, "election");
      } else {
        becomeLeader(replica);
        broadcastAppend(replica);
      }
      return;
    case "lost":
      becomeFollower(replica, replica.term, NONE);
      return;
    case "pending":
  }
}

function campaign(replica: Replica, kind: CampaignKind): void {
  const isPreVote = kind === "pre-vote";
  if (isPreVote) becomePreCandidate(replica);
  else becomeCandidate(replica);
  const term = isPreVote ? replica.term + 1 : replica.term;
  for (const to of replica.tracker.voters) {
    if (to === replica.id) {
      // The own vote counts when it is durable, like anyone's.
      replica.send({
        kind: isPreVote ? "pre-vote-response" : "vote-response",
        from: replica.id,
        to,
        term,
        reject: false,
      });
      continue;
    }
    replica.send({
      kind: isPreVote ? "pre-vote" : "vote",
      from: replica.id,
      to,
      term,
      lastIndex: replica.log.lastIndex,
      lastTerm: replica.log.lastTerm,
      transfer: kind === "transfer",
    });
  }
}

/** True also where the entries are not in memory: the next campaign sees them. */
function mayHaveUnappliedConfChange(replica: Replica): boolean {
  const { log, settings } = replica;
  let low = log.applying.applied + 1;
  while (low <= log.commit) {
    const entries = log.entries(low, log.commit + 1, settings.maxCommittedBytesPerReady);
    if (typeof entries === "string") return true;
    if (entries.some((entry) => entry.kind !== "normal")) return true;
    low += entries.length;
  }
  return false;
}
