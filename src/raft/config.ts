import { assert } from "../base/index.js";
import type { ConfState, HardState, ReplicaId } from "./types.js";
import { NONE } from "./types.js";

/** An entry of the log by identity: two logs that hold the same one are equal up to it (Raft paper, Log Matching). */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/** What a replica once promised and its store no longer holds. */
export interface LostPromise {
  /** Whole again once a leader of `term` or a later one has brought its stable log to this index. */
  readonly index: number;
  readonly term: number;
  /**
   * The last entry that it may have acknowledged, where that and its votes are known for certain: then it votes, but only
   * for a log that is at least as complete as the one it promised to hold. Where its votes may be forgotten too, it votes
   * for nobody.
   */
  readonly promised?: LogPosition;
}

export interface RaftConfig {
  readonly id: ReplicaId;
  /** Term, vote and commit as stored; all 0 for a new replica. */
  readonly hardState: HardState;
  /** Membership as of `applied`. */
  readonly confState: ConfState;
  /** Index up to which the state machine's durable state includes the log. */
  readonly applied: number;
  /** Uniform whole number in [min, max]; the only source of chance. */
  readonly randomTicks: (min: number, max: number) => number;
  /** It does not campaign before it is whole again, and votes by what it promised, if at all. */
  readonly mustReach?: LostPromise;

  /** Ticks without a leader until a campaign; the real number is random in [n, 2n - 1]. Default 10. */
  readonly electionTicks?: number;
  /** Default 1; less than electionTicks. */
  readonly heartbeatTicks?: number;
  /** Entries' bytes in one append; at least one entry goes even if larger. Default 128 KiB. */
  readonly maxMessageBytes?: number;
  /** Bytes of committed entries handed out and not yet applied. Default 1 MiB. */
  readonly maxCommittedBytesPerReady?: number;
  /** Payload in the leader's log that is not yet applied; more is refused as log-full. Default 64 MiB. */
  readonly maxUncommittedBytes?: number;
  /** Payload of one proposed entry. Default 1 MiB. */
  readonly maxEntryBytes?: number;
  /** Unanswered appends a follower. Default 256. */
  readonly maxInflightMessages?: number;
  /** Payload of unanswered appends a follower; 0 means no limit. Default 8 MiB. */
  readonly maxInflightBytes?: number;
  /** A leader without a quorum steps down, and voters that hear one refuse other candidates. Default true. */
  readonly checkQuorum?: boolean;
  /** Asks whether an election could be won before disturbing anyone with a new term. Default true. */
  readonly preVote?: boolean;
  /** How reads are confirmed; "lease-based" trusts ticks and exists for scenarios alone. Default "safe". */
  readonly readOnly?: "safe" | "lease-based";
  /** Default true: a proposal on a follower is refused with the leader's id. */
  readonly disableProposalForwarding?: boolean;
  /** Default false: a conf change is refused while another may be unapplied. */
  readonly disableConfChangeValidation?: boolean;
  /** A leader that applies its own removal or demotion becomes a follower. Default true. */
  readonly stepDownOnRemoval?: boolean;
  /** False only for scenarios: then `advance` follows each `ready`. Default true. */
  readonly asyncStorageWrites?: boolean;
}

export type Settings = Required<Omit<RaftConfig, "mustReach" | "hardState" | "confState">>;

const KIB = 1024;
const MIB = 1024 * KIB;

/** Fills in the defaults and asserts that the numbers fit each other. */
export function resolveSettings(config: RaftConfig): Settings {
  const settings: Settings = {
    electionTicks: 10,
    heartbeatTicks: 1,
    maxMessageBytes: 128 * KIB,
    maxCommittedBytesPerReady: MIB,
    maxUncommittedBytes: 64 * MIB,
    maxEntryBytes: MIB,
    maxInflightMessages: 256,
    maxInflightBytes: 8 * MIB,
    checkQuorum: true,
    preVote: true,
    readOnly: "safe",
    disableProposalForwarding: true,
    disableConfChangeValidation: false,
    stepDownOnRemoval: true,
    asyncStorageWrites: true,
    ...config,
  };
  assert(settings.id !== NONE, "a replica needs an id other than 0");
  assert(settings.heartbeatTicks > 0, "heartbeatTicks must be positive");
  assert(
    settings.electionTicks > settings.heartbeatTicks,
    "electionTicks must be more than heartbeatTicks",
  );
  assert(settings.maxInflightMessages > 0, "maxInflightMessages must be positive");
  assert(settings.maxCommittedBytesPerReady > 0, "maxCommittedBytesPerReady must be positive");
  assert(
    settings.maxInflightBytes === 0 || settings.maxInflightBytes >= settings.maxMessageBytes,
    "maxInflightBytes must hold one message",
  );
  assert(
    settings.readOnly === "safe" || settings.checkQuorum,
    "lease-based reads need checkQuorum",
  );
  return settings;
}
