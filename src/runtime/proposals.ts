import { ClusterError } from "../base/index.js";
import type { Executed } from "./replica-handle.js";

interface OpenProposal {
  readonly term: number;
  readonly startMs: number;
  readonly deadlineMs: number;
  readonly resolve: (executed: Executed) => void;
  readonly reject: (error: ClusterError) => void;
}

/** Proposals that are in the log and whose outcome is not known yet, by index. */
export class OpenProposals {
  readonly #open = new Map<number, OpenProposal>();

  get size(): number {
    return this.#open.size;
  }

  add(index: number, proposal: OpenProposal): void {
    // What stood at this index was replaced in the log: it can no longer happen.
    this.#open.get(index)?.reject(notApplied());
    this.#open.set(index, proposal);
  }

  /** When the command came which this entry is the outcome of; undefined where it is of none. */
  findStartMs(index: number, term: number): number | undefined {
    const proposal = this.#open.get(index);
    return proposal?.term === term ? proposal.startMs : undefined;
  }

  applied(index: number, term: number, executed: Executed): void {
    const proposal = this.#open.get(index);
    if (proposal === undefined) return;
    this.#open.delete(index);
    if (proposal.term === term) proposal.resolve(executed);
    else proposal.reject(notApplied());
  }

  /** Another entry than a proposed one, or none that answers, was applied at the index. */
  passed(index: number): void {
    const proposal = this.#open.get(index);
    if (proposal === undefined) return;
    this.#open.delete(index);
    proposal.reject(notApplied());
  }

  expire(nowMs: number): void {
    for (const [index, proposal] of this.#open) {
      if (proposal.deadlineMs > nowMs) continue;
      this.#open.delete(index);
      proposal.reject(
        new ClusterError("deadline-exceeded", "the shard did not answer in time", {
          outcome: "unknown",
        }),
      );
    }
  }

  /** Leadership is lost: what was appended may still be committed by the next leader. */
  abandon(message: string): void {
    for (const proposal of this.#open.values()) {
      proposal.reject(new ClusterError("outcome-unknown", message, { outcome: "unknown" }));
    }
    this.#open.clear();
  }
}

function notApplied(): ClusterError {
  return new ClusterError("no-leader", "the leader changed before the command was committed", {
    outcome: "not_applied",
  });
}
