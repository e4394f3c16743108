import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError, type ErrorCode } from "../base/index.js";
import type { NodeContext } from "./context.js";
import { requireShard } from "./require-shard.js";

const JOIN_TIMEOUT_MS = 30_000;
const CALL_TIMEOUT_MS = 6000;
const STATUS_TIMEOUT_MS = 1000;
const ASK_AGAIN_MS = 100;

/** What does not pass by itself. */
const FINAL: readonly ErrorCode[] = [
  "already-exists",
  "permission-denied",
  "unauthenticated",
  "unimplemented",
];

/** Makes this node a learner of a shard, with a new replica. The same answer again if it hosts one that is in the group. */
export async function joinShard(context: NodeContext, name: string): Promise<number> {
  const { nodeName, address, storeId, featureLevel, calls, join } = context.options;
  const raftAddress = context.options.raftAddress ?? "";
  const shard = requireShard(context, name);
  const hosted = context.findReplica(shard.number);
  if (hosted?.status().members.some(({ replica }) => replica === hosted.replica) === true) {
    return hosted.replica;
  }
  const endMs = performance.now() + JOIN_TIMEOUT_MS;
  let trouble = "no leader is known";
  while (performance.now() < endMs && !context.closing.signal.aborted) {
    const leader = await findLeader(context, shard.number);
    if (leader !== undefined) {
      try {
        const own = { node: nodeName, address, raftAddress, storeId, featureLevel };
        const replica = await calls.addLearner(leader, { shard: name, ...own }, CALL_TIMEOUT_MS);
        await join(shard.number, replica);
        return replica;
      } catch (error) {
        if (!(error instanceof ClusterError) || FINAL.includes(error.code)) throw error;
        trouble = `${leader}: ${error.message}`;
      }
    }
    await sleep(ASK_AGAIN_MS);
  }
  throw new ClusterError("no-leader", `${nodeName} could not join ${name} in time: ${trouble}`);
}

/** Asks every other node who leads; the latest term counts. */
async function findLeader(context: NodeContext, shard: number): Promise<string | undefined> {
  const { calls, nodeName } = context.options;
  calls.learn(context.nodes);
  const others = context.nodes.filter(({ name }) => name !== nodeName);
  const answers = await Promise.all(
    others.map(({ name }) => calls.status(name, STATUS_TIMEOUT_MS).catch(() => undefined)),
  );
  const heard = answers.filter((answer) => answer !== undefined);
  for (const { nodes } of heard) calls.learn(nodes);
  const [latest] = heard
    .flatMap(({ replicas }) => replicas)
    .filter((replica) => replica.shard === shard && replica.leaderNode !== "")
    .sort((a, b) => Number(b.term - a.term));
  return latest?.leaderNode;
}
