import { hearVoteRequest, hearVoteResponse, tryCampaign } from "./election.js";
import { hearAppend, hearHeartbeat, hearSnapshot } from "./follower.js";
import { hearAppendResponse, hearHeartbeatResponse } from "./leader.js";
import { isWellFormed } from "./well-formed.js";
import { refuse, refuseNotLeader, tryProposeAsLeader } from "./proposals.js";
import { requestRead } from "./read-index.js";
import type { Replica } from "./replica.js";
import { becomeFollower } from "./roles.js";
import { startTransfer } from "./transfer.js";
import type { Message, Refusal } from "./types.js";
import { NONE } from "./types.js";

/** Why a message had no effect, for logs and tests; nothing has to be done about it. */
export type StepOutcome =
  { readonly kind: "ok" } | Refusal | { readonly kind: "refused"; readonly reason: "malformed" };

type LeaderMessage = Extract<Message, { kind: "append" | "heartbeat" | "snapshot" }>;

const OK: StepOutcome = { kind: "ok" };

export function step(replica: Replica, message: Message): StepOutcome {
  if (!isWellFormed(message)) return { kind: "refused", reason: "malformed" };
  if (isResponse(message) && replica.tracker.find(message.from) === undefined) {
    return refuse("peer-not-found");
  }
  if (message.kind === "propose") return stepProposal(replica, message);
  if (message.kind === "read-index") return stepRead(replica, message);
  if (message.kind !== "transfer-leader" || message.term > 0) {
    if (!trySettleTerm(replica, message)) return OK;
  }
  dispatch(replica, message);
  return OK;
}

/** Follows a higher term and answers or drops a lower one: afterwards only the current term is left to handle. */
function trySettleTerm(replica: Replica, message: Message): boolean {
  if (message.term === replica.term) return true;
  if (message.term < replica.term) {
    answerLowerTerm(replica, message);
    return false;
  }
  switch (message.kind) {
    case "pre-vote":
      return message.transfer || !isInLease(replica);
    case "vote":
      // Whoever hears a leader neither votes nor follows the term, or one cut-off replica could unseat any leader.
      if (!message.transfer && isInLease(replica)) return false;
      becomeFollower(replica, message.term, NONE);
      return true;
    case "pre-vote-response":
      // A granted pre-vote carries the future term that was asked for; only winning it makes that term real.
      if (message.reject) becomeFollower(replica, message.term, NONE);
      return true;
    case "append":
    case "heartbeat":
    case "snapshot":
      becomeFollower(replica, message.term, message.from);
      return true;
    default:
      becomeFollower(replica, message.term, NONE);
      return true;
  }
}

function isInLease(replica: Replica): boolean {
  const { checkQuorum, electionTicks } = replica.settings;
  return checkQuorum && replica.leader !== NONE && replica.electionElapsed < electionTicks;
}

/** Silence would keep a replica that was cut off and came back with a higher term, or an older one, from ever joining. */
function answerLowerTerm(replica: Replica, message: Message): void {
  const { checkQuorum, preVote } = replica.settings;
  const envelope = { from: replica.id, to: message.from, term: replica.term };
  if ((checkQuorum || preVote) && (message.kind === "append" || message.kind === "heartbeat")) {
    replica.send({
      kind: "append-response",
      ...envelope,
      index: 0,
      reject: false,
      hintIndex: 0,
      hintTerm: 0,
    });
  } else if (message.kind === "pre-vote") {
    replica.send({ kind: "pre-vote-response", ...envelope, reject: true });
  }
}

function dispatch(replica: Replica, message: Message): void {
  switch (message.kind) {
    case "vote":
    case "pre-vote":
      hearVoteRequest(replica, message);
      return;
    case "vote-response":
    case "pre-vote-response":
      if (replica.role === "candidate" || replica.role === "pre-candidate") {
        hearVoteResponse(replica, message);
      }
      return;
    case "append":
    case "heartbeat":
    case "snapshot":
      if (replica.role !== "leader") hearLeader(replica, message);
      return;
    case "append-response":
      if (replica.role === "leader") hearAppendResponse(replica, message);
      return;
    case "heartbeat-response":
      if (replica.role === "leader") hearHeartbeatResponse(replica, message);
      return;
    case "timeout-now":
      if (replica.role === "follower") tryCampaign(replica, "transfer");
      return;
    case "transfer-leader":
      stepTransfer(replica, message);
      return;
    case "read-index-response":
      if (replica.role === "follower") {
        replica.readStates.push({ index: message.index, context: message.context });
      }
      return;
    case "propose":
    case "read-index":
  }
}

/** There is at most one leader a term, so whoever sends these is the one (Raft paper, Election Safety). */
function hearLeader(replica: Replica, message: LeaderMessage): void {
  if (replica.role === "follower") {
    replica.electionElapsed = 0;
    replica.leader = message.from;
  } else {
    becomeFollower(replica, message.term, message.from);
  }
  switch (message.kind) {
    case "append":
      hearAppend(replica, message);
      return;
    case "heartbeat":
      hearHeartbeat(replica, message);
      return;
    case "snapshot":
      hearSnapshot(replica, message);
  }
}

function stepTransfer(
  replica: Replica,
  message: Extract<Message, { kind: "transfer-leader" }>,
): void {
  if (replica.role === "leader") {
    startTransfer(replica, message.from);
  } else if (replica.role === "follower" && replica.leader !== NONE) {
    replica.send({ ...message, to: replica.leader, term: replica.term });
  }
}

function stepProposal(
  replica: Replica,
  message: Extract<Message, { kind: "propose" }>,
): StepOutcome {
  if (replica.role === "leader") return tryProposeAsLeader(replica, message.entries) ?? OK;
  const canForward = !replica.settings.disableProposalForwarding;
  if (replica.role !== "follower" || replica.leader === NONE || !canForward) {
    return refuseNotLeader(replica.leader);
  }
  replica.send({ ...message, to: replica.leader });
  return OK;
}

function stepRead(
  replica: Replica,
  message: Extract<Message, { kind: "read-index" }>,
): StepOutcome {
  if (replica.role === "leader") {
    requestRead(replica, { from: message.from, context: message.context });
    return OK;
  }
  if (replica.role !== "follower" || replica.leader === NONE || message.from !== replica.id) {
    return refuseNotLeader(replica.leader);
  }
  replica.send({ ...message, to: replica.leader });
  return OK;
}

function isResponse(message: Message): boolean {
  switch (message.kind) {
    case "append-response":
    case "vote-response":
    case "pre-vote-response":
    case "heartbeat-response":
    case "read-index-response":
      return true;
    default:
      return false;
  }
}
