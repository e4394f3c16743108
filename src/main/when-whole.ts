import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterStatus } from "../../gen/cabildo/admin/v1/admin_pb.js";
import type { Operator } from "./client/operator.js";

const LAG_MAX = 100n;
const ASK_AGAIN_MS = 250;

/**
 * Resolves when every replica answers, may vote, and has caught up, and every shard is led. `what` waits for it, and is
 * told of what lacks.
 */
export async function whenWhole(
  operator: Operator,
  timeoutSeconds: number,
  what: string,
  lacks: (trouble: string) => void = () => undefined,
  stop?: AbortSignal,
): Promise<ClusterStatus> {
  const endMs = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    stop?.throwIfAborted();
    const { status, trouble } = await look(operator);
    if (status !== undefined && trouble === undefined) return status;
    if (performance.now() > endMs) throw new Error(`${what}: ${trouble ?? ""}`);
    lacks(trouble ?? "");
    await sleep(ASK_AGAIN_MS);
  }
}

/** That no node answers is a trouble like another: containers begin so. */
async function look(
  operator: Operator,
): Promise<{ readonly status?: ClusterStatus; readonly trouble: string | undefined }> {
  try {
    const status = await operator.status();
    return { status, trouble: findTrouble(status) };
  } catch (cause) {
    return { trouble: cause instanceof Error ? cause.message : String(cause) };
  }
}

function findTrouble({ shards }: ClusterStatus): string | undefined {
  for (const { name, leader, replicas } of shards) {
    if (leader === "") return `${name} has no leader`;
    for (const { node, reachable, lag, quarantine } of replicas) {
      if (!reachable) return `${node} does not answer for ${name}`;
      if (lag > LAG_MAX) return `${node} lacks ${lag} entries of ${name}`;
      if (quarantine !== "") return `${node} may not vote in ${name}: ${quarantine}`;
    }
  }
  return undefined;
}
