import type { LogPosition, LostPromise, RaftConfig, Settings } from "./config.js";
import { resolveSettings } from "./config.js";
import { RaftLog } from "./log.js";
import { fromConfState, membersOf } from "./membership.js";
import { Reads } from "./reads.js";
import { Tracker } from "./tracker.js";
import type {
  HardState,
  LogView,
  Message,
  ReadState,
  ReplicaId,
  Role,
  SoftState,
} from "./types.js";
import { NONE } from "./types.js";

/**
 * Everything that one replica of one group knows. The functions of the sibling files are its behaviour, each for one part
 * of the protocol; every one of them leaves it consistent.
 */
export class Replica {
  readonly id: ReplicaId;
  readonly settings: Settings;
  readonly log: RaftLog;
  readonly tracker: Tracker;
  readonly reads = new Reads();

  term: number;
  /** Whom this replica voted for in `term`. */
  vote: ReplicaId;
  role: Role = "follower";
  leader: ReplicaId = NONE;

  /** A follower's ticks since it heard of its leader or voted; a leader's since its last check of the quorum. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  electionTimeout = 0;

  /** To whom this leader is handing over. */
  transferee: ReplicaId = NONE;
  /** A conf change may be unapplied while this is beyond the applied index. */
  pendingConfIndex = 0;
  /** Payload that this leader appended and that is not applied. */
  uncommittedBytes = 0;

  /** The membership includes every change up to here: it came with a snapshot. */
  membershipFrom = 0;

  /** See RaftConfig.mustReach; undefined once reached. */
  mustReach: LostPromise | undefined;
  /** How far a leader of `term` has confirmed this log; counts toward mustReach. */
  confirmed: LogPosition = { index: 0, term: 0 };
  /** See RaftGroup.restrict. */
  mayVote = true;
  mayLead = true;

  /** For the next Ready. */
  readStates: ReadState[] = [];
  messages: Message[] = [];
  /** Held back until everything that is not yet durable is. */
  messagesAfterAppend: Message[] = [];

  constructor(config: RaftConfig, view: LogView) {
    this.settings = resolveSettings(config);
    this.id = config.id;
    this.term = config.hardState.term;
    this.vote = config.hardState.vote;
    this.mustReach = config.mustReach;
    this.log = new RaftLog(view, {
      applied: config.applied,
      commit: config.hardState.commit,
      applyBytesMax: this.settings.maxCommittedBytesPerReady,
    });
    this.tracker = new Tracker(this.settings.maxInflightMessages, this.settings.maxInflightBytes);
    const membership = fromConfState(config.confState);
    this.tracker.switchTo(
      { kind: "changed", membership, unknown: new Set(membersOf(membership)) },
      this.log.lastIndex,
    );
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.commit };
  }

  get softState(): SoftState {
    return { leader: this.leader, role: this.role };
  }

  /** A vote or acknowledgement promises what may not be durable yet; everything else may leave at once. */
  send(message: Message): void {
    switch (message.kind) {
      case "append-response":
      case "vote-response":
      case "pre-vote-response":
        this.messagesAfterAppend.push(message);
        return;
      default:
        this.messages.push(message);
    }
  }

  /**
   * The log from this index on is replaced. An acknowledgement of it that waits for a write would promise what was never written:
   * it was for a leader whose term is over.
   */
  withdraw(from: number): void {
    this.messagesAfterAppend = this.messagesAfterAppend.filter(
      (message) => acknowledgedIndex(message) < from,
    );
  }

  drawElectionTimeout(): void {
    const ticks = this.settings.electionTicks;
    this.electionTimeout = this.settings.randomTicks(ticks, 2 * ticks - 1);
  }
}

/** Up to where a follower says that its log is durable and its leader's; 0 if the message says nothing of it. */
export function acknowledgedIndex(message: Message): number {
  return message.kind === "append-response" && !message.reject ? message.index : 0;
}
