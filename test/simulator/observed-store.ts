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
  const observed: Pick<Store, "openReplica" | "write"> = {
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
  };
  return new Proxy(store, {
    get: (target, name): unknown => {
      if (name === "openReplica" || name === "write") return observed[name];
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
