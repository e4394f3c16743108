/** What the client tells whoever counts and logs. Nothing depends on it. */
export interface ShardObserver {
  /** An attempt that was not the last: `reason` is an error code, `lost` or `silent`. */
  retried(shard: number, node: string, reason: string): void;
  /** A call ended: `outcome` is `ok` or an error code. */
  ended(shard: number, outcome: string, seconds: number): void;
  framed(node: string, calls: number): void;
  /** A Changes stream ended and another replica is tried. */
  feedSwitched(shard: number, node: string, reason: string): void;
}
