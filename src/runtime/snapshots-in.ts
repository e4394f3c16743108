import type { ReplicaId } from "../raft/index.js";
import type { RuntimeLimits } from "./limits.js";
import type { RuntimeObserver } from "./observer.js";
import type { Clock, IncomingSnapshot, SnapshotSink, Store } from "./ports.js";

const MS_PER_SECOND = 1000;

export interface SnapshotsInPorts {
  readonly clock: Clock;
  readonly store: Store;
  readonly limits: RuntimeLimits;
  readonly observer: RuntimeObserver;
}

/** The replica that is to take it. */
export interface SnapshotReceiver {
  /** Whether one that a leader offers would be of use. */
  wants(incoming: IncomingSnapshot): boolean;
  /** It was not wanted: where that is because all of it is here, the leader hears so. */
  decline(incoming: IncomingSnapshot): void;
  /** All of its rows are in the sink. Whether it became the replica's state. */
  install(incoming: IncomingSnapshot, sink: SnapshotSink): Promise<boolean>;
}

/**
 * Snapshots that arrive at this node: few at once, and one for each replica. Each ends with `finish` or `abandon`. What came
 * of one that broke off stays on the disk, in case the same one is sent again, by whomever.
 */
export class SnapshotsIn {
  readonly #ports: SnapshotsInPorts;
  /** Since when. */
  readonly #arriving = new Map<ReplicaId, number>();

  constructor(ports: SnapshotsInPorts) {
    this.#ports = ports;
  }

  /** Where its rows go; undefined if it is of no use, or not now. */
  async begin(
    receiver: SnapshotReceiver,
    incoming: IncomingSnapshot,
  ): Promise<SnapshotSink | undefined> {
    const { clock, store, limits, observer } = this.#ports;
    const { to: replica } = incoming;
    if (!receiver.wants(incoming)) {
      receiver.decline(incoming);
      return undefined;
    }
    if (this.#arriving.has(replica) || this.#arriving.size >= limits.snapshotsInMax)
      return undefined;
    this.#arriving.set(replica, clock.monotonicMs());
    observer.snapshotBegan(incoming.shard, "receive");
    try {
      return await store.createSnapshotSink(replica, incoming.snapshotId);
    } catch (error) {
      this.#ended(incoming, false);
      throw error;
    }
  }

  async finish(
    receiver: SnapshotReceiver,
    incoming: IncomingSnapshot,
    sink: SnapshotSink,
  ): Promise<boolean> {
    this.#ports.observer.snapshotInstalling(incoming.shard);
    let installed = false;
    try {
      installed = await receiver.install(incoming, sink);
      return installed;
    } finally {
      this.#ended(incoming, installed);
    }
  }

  /** It broke off before its last row. */
  async abandon(incoming: IncomingSnapshot, sink: SnapshotSink, isSound: boolean): Promise<void> {
    try {
      await (isSound ? sink.suspend() : sink.discard());
    } finally {
      this.#ended(incoming, false);
    }
  }

  #ended({ shard, to }: IncomingSnapshot, installed: boolean): void {
    const { clock, observer } = this.#ports;
    const startMs = this.#arriving.get(to);
    if (startMs === undefined) return;
    this.#arriving.delete(to);
    const seconds = (clock.monotonicMs() - startMs) / MS_PER_SECOND;
    observer.snapshotEnded(shard, "receive", { installed, seconds });
  }
}
