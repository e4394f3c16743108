/** What the transport tells whoever counts and logs. Nothing depends on it. */
export interface PeerObserver {
  connected(node: string): void;
  disconnected(node: string, reason: string): void;
  /** Messages that were not sent, because there was no connection or too much waited on it. */
  dropped(node: string, messages: number): void;
  snapshotFailed(node: string, shard: number, reason: string): void;
  framed(node: string, bytes: number): void;
}
