import type { ConfState, HardState } from "../raft/index.js";
import type { AppliedState } from "../runtime/index.js";
import type { GenerationKeys } from "./keys.js";
import type { LogBounds } from "./log-bounds.js";

/**
 * What the meta rows of a replica say as of the round that finished last. Immutable: a round makes
 * the next one.
 */
export interface ReplicaState {
  readonly keys: GenerationKeys;
  readonly hardState: HardState;
  readonly log: LogBounds;
  readonly applied: AppliedState;
  /**
   * Highest index at which a row of a truncated log may still stand. Only a round of this replica
   * deletes between lastIndex and here, before its own appends: deleting beside a round could hit
   * an entry that is written again.
   */
  readonly garbageTo: number;
  /**
   * What is on the disk is damaged, and stays untouched until a snapshot is installed over it: this is the state of an empty
   * replica, of which nothing but the term and the vote is written before.
   */
  readonly awaitsSnapshot: boolean;
}

const HASH_BYTES = 32;

export function initialApplied(confState: ConfState): AppliedState {
  return {
    index: 0,
    term: 0,
    timeMs: 0,
    sequence: 0,
    firstSequence: 1,
    confState,
    stateHash: new Uint8Array(HASH_BYTES),
    epoch: 0,
    featureLevel: 1,
  };
}
