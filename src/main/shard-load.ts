import type { Shard } from "../../gen/cabildo/admin/v1/admin_pb.js";

export interface ShardLoad {
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Of one core, all replicas together. */
  readonly cpuPercent: number;
}

/** What all replicas of a shard do together: every request is answered by one of them. */
export function loadOf({ replicas }: Pick<Shard, "replicas">): ShardLoad {
  let [requestsPerSecond, bytesPerSecond, cpuPercent] = [0, 0, 0];
  for (const { load } of replicas) {
    requestsPerSecond += load?.requestsPerSecond ?? 0;
    bytesPerSecond += load?.bytesPerSecond ?? 0;
    cpuPercent += load?.cpuPercent ?? 0;
  }
  return { requestsPerSecond, bytesPerSecond, cpuPercent };
}

const KIB = 1024;

/** For people: requests a second, KiB a second, per cent of a core. */
export function loadTexts(load: ShardLoad): readonly [string, string, string] {
  return [
    load.requestsPerSecond.toFixed(1),
    (load.bytesPerSecond / KIB).toFixed(1),
    load.cpuPercent.toFixed(1),
  ];
}
