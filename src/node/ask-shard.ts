import { ClusterError } from "../base/index.js";
import type { Answer, CommandReply, Operation, Question, QueryReply } from "../domain/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type { ShardClient } from "../shards/index.js";
import { decodeQueryReply, decodeReply, encodeCommand, encodeQuery } from "../wire/index.js";
import { systemCommand } from "./system-command.js";

const CALL_MS = 5_000;

type Done = Extract<CommandReply, { kind: "done" }>;

/** As the cluster, wherever the shard is. Fails with a ClusterError, also where the shard refuses to answer. */
export async function askShard<Kind extends Answer["kind"]>(
  shards: Pick<ShardClient, "read">,
  shard: ShardNumber,
  question: Question,
  kind: Kind,
): Promise<Extract<Answer, { kind: Kind }>> {
  const query = { caller: { kind: "system" }, question } as const;
  const { reply } = await shards.read(shard, query, { timeoutMs: CALL_MS });
  return requireAnswer(reply, question, kind);
}

/** The same of a replica on this node; `maxStalenessMs` as in ReplicaHandle. */
export async function askReplica<Kind extends Answer["kind"]>(
  replica: ReplicaHandle,
  question: Question,
  kind: Kind,
  maxStalenessMs = 0,
): Promise<Extract<Answer, { kind: Kind }>> {
  const query = encodeQuery({ caller: { kind: "system" }, question });
  const options = { timeoutMs: CALL_MS, minSequence: 0, maxStalenessMs };
  return requireAnswer(
    decodeQueryReply((await replica.read(query, options)).reply),
    question,
    kind,
  );
}

/** As the cluster, to a replica on this node, which has to lead. A refusal is a reply. */
export async function propose(replica: ReplicaHandle, operation: Operation): Promise<CommandReply> {
  const command = encodeCommand(systemCommand(operation));
  return decodeReply((await replica.execute(command, { timeoutMs: CALL_MS })).reply);
}

/** Throws a refusal as the ClusterError that it is. */
export function requireDone(reply: CommandReply): Done {
  if (reply.kind === "refused") throw new ClusterError(reply.code, reply.message);
  return reply;
}

function requireAnswer<Kind extends Answer["kind"]>(
  reply: QueryReply,
  question: Question,
  kind: Kind,
): Extract<Answer, { kind: Kind }> {
  if (reply.kind === "refused") throw new ClusterError(reply.code, reply.message);
  if (isKind(reply.answer, kind)) return reply.answer;
  throw new ClusterError("internal", `a shard answered ${reply.answer.kind} to ${question.kind}`);
}

function isKind<Kind extends Answer["kind"]>(
  answer: Answer,
  kind: Kind,
): answer is Extract<Answer, { kind: Kind }> {
  return answer.kind === kind;
}
