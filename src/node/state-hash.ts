import { setTimeout as sleep } from "node:timers/promises";
import type { GetStateHashRequest } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { ClusterError } from "../base/index.js";
import { toSafeInteger, toUint64 } from "../wire/index.js";
import type { NodeContext } from "./context.js";
import { requireReplica } from "./require-replica.js";
import { requireShard } from "./require-shard.js";

const WAIT_MS = 5000;
const ASK_AGAIN_MS = 20;

/** The hash of this node's replica after an entry; waits a little for one that is about to be applied. */
export async function stateHash(context: NodeContext, request: GetStateHashRequest) {
  const replica = requireReplica(context, requireShard(context, request.shard).number);
  const index = toSafeInteger(request.index);
  const endMs = performance.now() + WAIT_MS;
  for (;;) {
    const found = replica.stateHash(index);
    if (found !== undefined) return { index: toUint64(found.index), hash: found.hash };
    const { applied } = replica.status();
    if (applied >= index) {
      throw new ClusterError(
        "failed-precondition",
        `the hash at ${index} is forgotten: the replica has applied ${applied}, ask for a later one`,
      );
    }
    if (performance.now() > endMs) {
      throw new ClusterError(
        "failed-precondition",
        `the replica has applied ${applied} and waits for ${index}: ask again`,
      );
    }
    await sleep(ASK_AGAIN_MS);
  }
}
