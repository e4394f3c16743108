import type { ShardNumber } from "../placement/index.js";
import type { Message, ReplicaId } from "../raft/index.js";
import type { RuntimeLimits } from "./limits.js";
import type { RuntimeObserver } from "./observer.js";
import type {
  AppliedState,
  Clock,
  OutgoingSnapshot,
  SnapshotRow,
  SnapshotSource,
  Store,
} from "./ports.js";

const MS_PER_SECOND = 1000;

/** The replica whose state is sent. */
export interface SnapshotSender {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  /** The oldest entry of its log. */
  readonly firstIndex: number;
  snapshotSent(to: ReplicaId, installed: boolean): void;
}

export interface SnapshotsOutPorts {
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
  readonly store: Store;
  readonly observer: RuntimeObserver;
  /** Resolves true once it was installed there. */
  send(node: string, snapshot: OutgoingSnapshot): Promise<boolean>;
  readonly failed: (error: unknown) => void;
}

/** The state of a transfer that broke off. */
interface Broken {
  readonly source: WatchedSource;
  readonly untilMs: number;
  readonly forget: () => void;
}

/**
 * Snapshots that this node sends: few at once, one at a time to each node, and all together no more bytes a second than they
 * are given. One that may not begin now counts as failed, and the core asks for it again with a later heartbeat. After one
 * that broke off on the way, the same state is offered again, so that it can go on where it was: for a while, and as long as
 * the log goes on from there.
 */
export class SnapshotsOut {
  readonly #ports: SnapshotsOutPorts;
  readonly #busyNodes = new Set<string>();
  /** Where a transfer failed, not before. */
  readonly #notBeforeMs = new Map<ReplicaId, number>();
  readonly #broken = new Map<ReplicaId, Broken>();
  #isStopped = false;
  /** When everything that was let through so far has left, at the given rate. */
  #lineFreeMs = 0;

  constructor(ports: SnapshotsOutPorts) {
    this.#ports = ports;
  }

  send(sender: SnapshotSender, node: string, message: Message): void {
    const { clock, limits, observer, failed } = this.#ports;
    const { to } = message;
    if (!this.#mayBegin(node, to)) {
      sender.snapshotSent(to, false);
      return;
    }
    this.#busyNodes.add(node);
    const startMs = clock.monotonicMs();
    observer.snapshotBegan(sender.shard, "send");
    this.#transfer(sender, node, message)
      .catch(() => false)
      .then((installed) => {
        this.#busyNodes.delete(node);
        if (installed) this.#notBeforeMs.delete(to);
        else this.#notBeforeMs.set(to, clock.monotonicMs() + limits.snapshotRetryMs);
        const seconds = (clock.monotonicMs() - startMs) / MS_PER_SECOND;
        observer.snapshotEnded(sender.shard, "send", { installed, seconds });
        sender.snapshotSent(to, installed);
      })
      .catch(failed);
  }

  #mayBegin(node: string, to: ReplicaId): boolean {
    const { clock, limits } = this.#ports;
    if (node === "" || this.#busyNodes.has(node)) return false;
    if (this.#busyNodes.size >= limits.snapshotsOutMax) return false;
    return clock.monotonicMs() >= (this.#notBeforeMs.get(to) ?? 0);
  }

  /** Closes what was kept, and from now on whatever ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const to of [...this.#broken.keys()]) await this.#takeBroken(to)?.source.close();
  }

  async #transfer(sender: SnapshotSender, node: string, message: Message): Promise<boolean> {
    const { clock, limits, store } = this.#ports;
    const { from, to, term } = message;
    const broken = await this.#takeUseful(to, sender.firstIndex);
    const source = broken?.source ?? new WatchedSource(await store.openSnapshot(sender.replica));
    // What nobody takes is not kept: an open snapshot holds on to all that was overwritten since. Nor is what was refused as
    // a whole: it may be too old to be of use, as from before its receiver joined.
    let untilMs = broken?.untilMs ?? 0;
    const pace = async (bytes: number): Promise<void> => {
      await this.#pace(bytes);
      untilMs = clock.monotonicMs() + limits.snapshotKeptMs;
    };
    try {
      const snapshot = { shard: sender.shard, from, to, term, source, pace };
      return await this.#ports.send(node, snapshot);
    } finally {
      const mayGoOn = !source.isExhausted && untilMs > clock.monotonicMs();
      if (mayGoOn && !this.#isStopped) this.#keep(to, source, untilMs);
      else await source.close();
    }
  }

  #keep(to: ReplicaId, source: WatchedSource, untilMs: number): void {
    const { clock, failed } = this.#ports;
    const forget = clock.after(untilMs - clock.monotonicMs(), () => {
      this.#takeBroken(to)?.source.close().catch(failed);
    });
    this.#broken.set(to, { source, untilMs, forget });
  }

  /** A receiver that has more than such a state refuses it, and from one that the log does not follow nobody could go on. */
  async #takeUseful(to: ReplicaId, firstIndex: number): Promise<Broken | undefined> {
    const broken = this.#takeBroken(to);
    if (broken === undefined || broken.source.state.index >= firstIndex - 1) return broken;
    await broken.source.close();
    return undefined;
  }

  #takeBroken(to: ReplicaId): Broken | undefined {
    const broken = this.#broken.get(to);
    this.#broken.delete(to);
    broken?.forget();
    return broken;
  }

  /** In the order of the calls, so that transfers at the same time share the line evenly. */
  #pace(bytes: number): Promise<void> {
    const { clock, limits } = this.#ports;
    const nowMs = clock.monotonicMs();
    const waitMs = this.#lineFreeMs - nowMs;
    const takesMs = (bytes * MS_PER_SECOND) / limits.snapshotBytesPerSecondMax;
    this.#lineFreeMs = Math.max(nowMs, this.#lineFreeMs) + takesMs;
    if (waitMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      clock.after(waitMs, resolve);
    });
  }
}

/** Knows whether its last row was read. */
class WatchedSource implements SnapshotSource {
  readonly #source: SnapshotSource;
  isExhausted = false;

  constructor(source: SnapshotSource) {
    this.#source = source;
  }

  get state(): AppliedState {
    return this.#source.state;
  }

  async next(bytesMax: number): Promise<readonly SnapshotRow[] | undefined> {
    const rows = await this.#source.next(bytesMax);
    this.isExhausted = rows === undefined;
    return rows;
  }

  seek(after: Uint8Array | undefined): Promise<void> {
    return this.#source.seek(after);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
