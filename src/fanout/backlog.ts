import type { ShardNumber } from "../placement/index.js";

/** What waits for clients, over all connections of a process. */
export interface Backlog {
  /** Of each connection, bytes that were sent and wait for its client to take them. */
  readonly unsentBytesEach: readonly number[];
  /** Connections that are off the live path. */
  readonly connectionsBehind: number;
  /** Of each shard, changes that the connection which is furthest behind still has to be given. */
  readonly changesBehind: ReadonlyMap<ShardNumber, number>;
}

/** What one connection adds. */
export interface Waiting {
  buffered(): number;
  readonly isLive: boolean;
  changesBehind(): ReadonlyMap<ShardNumber, number>;
}

export function sumBacklog(connections: Iterable<Waiting>, shards: Iterable<ShardNumber>): Backlog {
  const unsentBytesEach: number[] = [];
  let connectionsBehind = 0;
  const changesBehind = new Map([...shards].map((shard) => [shard, 0]));
  for (const connection of connections) {
    unsentBytesEach.push(connection.buffered());
    if (connection.isLive) continue;
    connectionsBehind += 1;
    for (const [shard, changes] of connection.changesBehind()) {
      changesBehind.set(shard, Math.max(changesBehind.get(shard) ?? 0, changes));
    }
  }
  return { unsentBytesEach, connectionsBehind, changesBehind };
}
