import type { Inflights } from "./inflights.js";
import { InvariantViolation, unreachable } from "../base/index.js";

/**
 * probe: the follower's log is unknown, so one append at a time until it answers. replicate: appends stream ahead of their
 * answers. snapshot: nothing but the snapshot helps; wait until it is there.
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** What a leader knows of one replica. Always match < next. */
export class Progress {
  /** Every entry up to here is known to be durable there. */
  match = 0;
  /** First entry of the next append; in `replicate` it runs ahead of the answers. */
  next: number;
  state: ProgressState = "probe";
  /** Index of the snapshot that is on its way; 0 outside of `snapshot`. */
  pendingSnapshot = 0;
  /** It answered since the last quorum check. */
  recentActive = false;
  /** No append until an answer, a heartbeat's included, shows that the follower is there. */
  flowPaused = false;
  /** The entries it needs are not in memory. */
  fetching = false;
  readonly inflights: Inflights;
  /** Highest commit index that was sent and, unless something got lost, arrived. */
  #sentCommit = 0;

  constructor(next: number, inflights: Inflights) {
    this.next = next;
    this.inflights = inflights;
  }

  get isPaused(): boolean {
    return this.state === "snapshot" || this.flowPaused;
  }

  becomeProbe(): void {
    // A snapshot that was reported as sent is believed; one that failed had its index cleared before.
    const from =
      this.state === "snapshot" ? Math.max(this.match, this.pendingSnapshot) : this.match;
    this.#become("probe");
    this.next = from + 1;
    this.#forgetSentCommit();
  }

  becomeReplicate(): void {
    this.#become("replicate");
    this.next = this.match + 1;
  }

  becomeSnapshot(index: number): void {
    this.#become("snapshot");
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.#sentCommit = index;
  }

  /** A new leader, or a store that lost what it held, starts from knowing nothing. */
  forget(next: number): void {
    this.match = 0;
    this.next = next;
    this.recentActive = false;
    this.fetching = false;
    this.#become("probe");
    this.#sentCommit = 0;
  }

  /** False if the answer says nothing new. */
  tryAdvance(match: number): boolean {
    if (match <= this.match) return false;
    this.match = match;
    this.next = Math.max(this.next, match + 1);
    this.flowPaused = false;
    return true;
  }

  /**
   * The follower has no entry at `rejected` that matches ours and suggests that it might at `hint`. False if the answer is
   * stale.
   */
  tryRetreat(rejected: number, hint: number): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      this.#forgetSentCommit();
      return true;
    }
    // A follower that is probed gets one append at a time, so only the last one's answer counts.
    if (this.next - 1 !== rejected) return false;
    // It no longer holds what it acknowledged. Lowering match is always safe: the commit index never follows it down.
    if (rejected === this.match && hint < this.match) this.match = 0;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.#forgetSentCommit();
    this.flowPaused = false;
    return true;
  }

  sentEntries(count: number, bytes: number): void {
    switch (this.state) {
      case "replicate":
        if (count > 0) {
          this.next += count;
          this.inflights.add(this.next - 1, bytes);
        }
        // The message that fills the window, or passes an already full one, is a probe: the next waits for an answer.
        this.flowPaused = this.inflights.isFull;
        return;
      case "probe":
        if (count > 0) this.flowPaused = true;
        return;
      case "snapshot":
        throw new InvariantViolation("an append was sent to a follower that waits for a snapshot");
      default:
        unreachable(this.state);
    }
  }

  sentCommit(commit: number): void {
    this.#sentCommit = commit;
  }

  /** Whether the follower might learn of a commit from one more message. */
  canLearnCommit(commit: number): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.next - 1;
  }

  #become(state: ProgressState): void {
    this.state = state;
    this.flowPaused = false;
    this.pendingSnapshot = 0;
    this.inflights.reset();
  }

  #forgetSentCommit(): void {
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
  }
}
