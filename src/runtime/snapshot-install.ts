import { assert } from "../base/index.js";
import type { RaftGroup, SnapshotMeta } from "../raft/index.js";
import type { MergedAppend } from "./append-queue.js";
import type { AppliedState, IncomingSnapshot, SnapshotSink } from "./ports.js";
import { tooOld } from "./refusals.js";
import type { SnapshotReceiver } from "./snapshots-in.js";

export interface SnapshotInstallOptions {
  readonly group: RaftGroup;
  /** The state on the disk is damaged. */
  readonly isNeeded: boolean;
  /** What this version knows. */
  readonly featureLevel: number;
  /** Runs the core; whether a snapshot waits for the disk then. */
  readonly process: () => boolean;
  /** The group has something to do. */
  readonly changed: () => void;
  /** This version must not have such a state. */
  readonly failed: (error: unknown) => void;
}

/** A snapshot that the core took, on its way to the disk. */
export interface TakenSnapshot {
  readonly sink: SnapshotSink;
  readonly state: AppliedState;
  readonly resolve: (installed: boolean) => void;
}

/** At most one snapshot that a leader sent and that waits until the core has taken it, or has not. */
export class SnapshotInstall implements SnapshotReceiver {
  readonly #options: SnapshotInstallOptions;
  #isNeeded: boolean;
  #offered: TakenSnapshot | undefined;
  #isStopped = false;

  constructor(options: SnapshotInstallOptions) {
    this.#options = options;
    this.#isNeeded = options.isNeeded;
  }

  /** The state on the disk is damaged: nothing is written before a snapshot was installed. */
  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  wants(incoming: IncomingSnapshot): boolean {
    if (this.#isStopped || this.#offered !== undefined) return false;
    const { term, commit } = this.#options.group.status();
    return incoming.term >= term && incoming.index > commit;
  }

  /**
   * Has the core answer a snapshot that holds no more than is committed here: from its answer the leader learns that the log
   * goes on from there. Without it, it would offer its state again and again, and nothing else.
   */
  decline(incoming: IncomingSnapshot): void {
    // A damaged state is not what the log would go on from.
    if (this.#isStopped || this.#isNeeded) return;
    const { group, changed } = this.#options;
    const { index, indexTerm, confState } = incoming;
    if (index <= group.status().commit) this.#step(incoming, { index, term: indexTerm, confState });
    changed();
  }

  /** Offers it to the core, which may have that state already, or serve a newer leader. */
  install(incoming: IncomingSnapshot, sink: SnapshotSink): Promise<boolean> {
    const { featureLevel, process, changed, failed } = this.#options;
    const { state } = sink;
    if (state !== undefined && state.featureLevel > featureLevel) {
      failed(tooOld(state.featureLevel, featureLevel));
      return Promise.resolve(false);
    }
    if (state === undefined || this.#offered !== undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const offered = { sink, state, resolve };
      this.#offered = offered;
      this.#step(incoming, { index: state.index, term: state.term, confState: state.confState });
      const isTaken = process();
      changed();
      if (isTaken || this.#offered !== offered) return;
      this.#offered = undefined;
      void sink.discard();
      resolve(false);
    });
  }

  /** What of a round's work is a snapshot. */
  take(append: MergedAppend): TakenSnapshot | undefined {
    const snapshot = append.works.find((work) => work.snapshot !== undefined)?.snapshot;
    if (snapshot === undefined) return undefined;
    const taken = this.#offered;
    this.#offered = undefined;
    assert(
      taken?.state.index === snapshot.meta.index,
      "the core restores a snapshot that nobody received",
    );
    return taken;
  }

  /** What was taken is on the disk. */
  written({ resolve }: TakenSnapshot): void {
    this.#isNeeded = false;
    resolve(true);
  }

  stop(): void {
    this.#isStopped = true;
  }

  #step({ from, to, term }: IncomingSnapshot, meta: SnapshotMeta): void {
    const snapshot = { meta, data: new Uint8Array() };
    this.#options.group.step({ kind: "snapshot", from, to, term, snapshot });
  }
}
