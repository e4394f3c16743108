import { assert } from "../base/index.js";
import type { RaftGroup, SnapshotMeta } from "../raft/index.js";
import type { MergedAppend } from "./append-queue.js";
import type { AppliedState, IncomingSnapshot, SnapshotSink } from "./ports.js";

/** A snapshot that the core took, on its way to the disk. */
export interface TakenSnapshot {
  readonly sink: SnapshotSink;
  readonly state: AppliedState;
  readonly resolve: (installed: boolean) => void;
}

/** At most one snapshot that a leader sent and that waits until the core has taken it, or has not. */
export class SnapshotInstall {
  readonly #group: RaftGroup;
  #offered: TakenSnapshot | undefined;

  constructor(group: RaftGroup) {
    this.#group = group;
  }

  /** Whether a snapshot that a leader offers would be of use. */
  wants(incoming: IncomingSnapshot): boolean {
    const { term, commit } = this.#group.status();
    return this.#offered === undefined && incoming.term >= term && incoming.index > commit;
  }

  /**
   * Has the core answer a snapshot that holds no more than is committed here: from its answer the leader learns that the log
   * goes on from there. Without it, it would offer its state again and again, and nothing else.
   */
  answerIfKnown(incoming: IncomingSnapshot): void {
    const { index, indexTerm, confState } = incoming;
    if (index > this.#group.status().commit) return;
    this.#step(incoming, { index, term: indexTerm, confState });
  }

  /**
   * Offers the core a snapshot of which all rows are in the sink. `process` runs the core, and says whether it took it: it may
   * have that state already, or serve a newer leader.
   */
  offer(incoming: IncomingSnapshot, sink: SnapshotSink, process: () => boolean): Promise<boolean> {
    const { state } = sink;
    if (state === undefined || this.#offered !== undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const offered = { sink, state, resolve };
      this.#offered = offered;
      this.#step(incoming, { index: state.index, term: state.term, confState: state.confState });
      if (process() || this.#offered !== offered) return;
      this.#offered = undefined;
      void sink.discard();
      resolve(false);
    });
  }

  #step({ from, to, term }: IncomingSnapshot, meta: SnapshotMeta): void {
    const snapshot = { meta, data: new Uint8Array() };
    this.#group.step({ kind: "snapshot", from, to, term, snapshot });
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
}
