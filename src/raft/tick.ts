import { isPromotable, tryCampaign } from "./election.js";
import { broadcastHeartbeat } from "./heartbeat.js";
import type { Replica } from "./replica.js";
import { abortTransfer, becomeFollower } from "./roles.js";
import { NONE } from "./types.js";

export function tick(replica: Replica): void {
  if (replica.role === "leader") tickLeader(replica);
  else tickFollower(replica);
}

/** Campaigns as the configuration says: asking first, or at once. */
export function campaignNow(replica: Replica): void {
  tryCampaign(replica, replica.settings.preVote ? "pre-vote" : "election");
}

function tickFollower(replica: Replica): void {
  replica.electionElapsed += 1;
  if (!isPromotable(replica) || replica.electionElapsed < replica.electionTimeout) return;
  replica.electionElapsed = 0;
  campaignNow(replica);
}

function tickLeader(replica: Replica): void {
  const { settings } = replica;
  replica.heartbeatElapsed += 1;
  replica.electionElapsed += 1;
  if (replica.electionElapsed >= settings.electionTicks) {
    replica.electionElapsed = 0;
    if (settings.checkQuorum) checkQuorum(replica);
    if (replica.role !== "leader") return;
    // The transferee had its time: this leader goes on.
    abortTransfer(replica);
  }
  if (replica.heartbeatElapsed >= settings.heartbeatTicks) {
    replica.heartbeatElapsed = 0;
    broadcastHeartbeat(replica, replica.reads.openRound);
  }
}

function checkQuorum(replica: Replica): void {
  if (!replica.tracker.isQuorumActive()) {
    becomeFollower(replica, replica.term, NONE);
    return;
  }
  for (const id of replica.tracker.members) {
    const progress = replica.tracker.find(id);
    if (id !== replica.id && progress !== undefined) progress.recentActive = false;
  }
}
