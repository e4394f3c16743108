import type { RaftConfig, ReplicaId } from "../raft/index.js";
import type { RuntimeLimits } from "./limits.js";
import type { OpenedReplica, Random } from "./ports.js";

/** How a node runs the consensus core of a replica. */
export function coreConfig(
  id: ReplicaId,
  opened: OpenedReplica,
  limits: RuntimeLimits,
  random: Random,
): RaftConfig {
  return {
    id,
    electionTicks: limits.electionTicks,
    heartbeatTicks: limits.heartbeatTicks,
    maxMessageBytes: limits.messageBytesMax,
    maxCommittedBytesPerReady: limits.committedBytesMax,
    maxUncommittedBytes: limits.uncommittedBytesMax,
    maxInflightMessages: limits.inflightMessagesMax,
    maxInflightBytes: limits.inflightBytesMax,
    checkQuorum: true,
    preVote: true,
    disableProposalForwarding: true,
    stepDownOnRemoval: true,
    applied: opened.applied.index,
    hardState: opened.hardState,
    confState: opened.applied.confState,
    randomTicks: (min, max) => min + Math.floor(random() * (max - min + 1)),
    ...(opened.lost === undefined ? {} : { mustReach: opened.lost }),
  };
}
