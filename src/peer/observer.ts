import type { SnapshotDirection } from "../runtime/index.js";

/** What the transport tells whoever counts and logs. Nothing depends on it. */
export interface PeerObserver {
  connected(node: string): void;
  disconnected(node: string, reason: string): void;
  /** Messages that were not sent, because there was no connection or too much waited on it. */
  dropped(node: string, messages: number): void;
  /** The receiver has all of it by now. */
  snapshotDeclined(node: string, shard: number): void;
  snapshotFailed(node: string, shard: number, reason: string): void;
  /** A frame of this node's leaders left. */
  framed(node: string, bytes: number): void;
  /** A frame of answers to the node's leaders left. */
  answered(node: string, bytes: number): void;
  /** A frame came, of whichever kind. */
  received(node: string, bytes: number): void;
  /** What came was no message of ours, and ended its stream. */
  receiveFailed(node: string): void;
  /** Of those dropped: followers may take this node's leaders for gone. */
  heartbeatsDropped(node: string, heartbeats: number): void;
  /** From a word to the node to its answer, with what both had to do before. */
  roundTrip(node: string, seconds: number): void;
  /** Rows of a snapshot left or came. */
  snapshotBytes(shard: number, direction: SnapshotDirection, bytes: number): void;
}
