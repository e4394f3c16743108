import { ClusterError } from "../base/index.js";
import type { ReplicaId } from "../raft/index.js";

/** What was read is not what was written: a checksum, a row that must be there, a block of the database. */
export class DamageError extends ClusterError {
  constructor(what: string, cause?: unknown) {
    super("corrupt-storage", what, {}, cause);
  }
}

/** Of a replica that no leader can repair, because nobody knows what it had promised. */
export function damagedReplica(replica: ReplicaId, what: string): ClusterError {
  return new ClusterError(
    "corrupt-storage",
    `replica ${replica} is damaged: ${what}; remove this replica from its group and let the ` +
      "cluster make a new one",
  );
}
