import type { ReplicaId } from "../../src/raft/index.js";
import type { OpenedReplica, ReplicaRound, Store } from "../../src/runtime/index.js";

export interface StoreWatcher {
  opened(replica: ReplicaId, opened: OpenedReplica): void;
  begins(round: ReplicaRound): void;
  /** Before whoever called `write` hears of it. */
  written(round: ReplicaRound, sync: boolean): void;
}

/** The store, with somebody who sees what is made durable. */
export function observeStore(store: Store, watcher: StoreWatcher): Store {
  return {
    storeId: store.storeId,
    boot: store.boot,
    fresh: store.fresh,
    openReplica: async (replica, initial) => {
      const opened = await store.openReplica(replica, initial);
      watcher.opened(replica, opened);
      return opened;
    },
    write: async (rounds, sync) => {
      for (const round of rounds) watcher.begins(round);
      await store.write(rounds, sync);
      for (const round of rounds) watcher.written(round, sync);
    },
    readEntries: (replica, low, high, bytesMax) => store.readEntries(replica, low, high, bytesMax),
    read: (replica, keys, ranges) => store.read(replica, keys, ranges),
    readFeed: (replica, after, options) => store.readFeed(replica, after, options),
    openSnapshot: (replica) => store.openSnapshot(replica),
    createSnapshotSink: (replica) => store.createSnapshotSink(replica),
    readFact: (key) => store.readFact(key),
    writeFact: (key, value) => store.writeFact(key, value),
    usage: () => store.usage(),
    close: () => store.close(),
  };
}
