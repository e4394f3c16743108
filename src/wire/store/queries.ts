import { toBinary } from "@bufbuild/protobuf";
import * as pb from "../../../gen/cabildo/store/v1/queries_pb.js";
import { ClusterError } from "../../base/index.js";
import type { Query, QueryReply } from "../../domain/index.js";
import { fromAnswer, toAnswer } from "./answers.js";
import { fromCaller, toCaller } from "./caller.js";
import { decode } from "./decoding.js";
import { fromQuestion, toQuestion } from "./questions.js";
import { fromRefused, toRefused } from "./replies.js";

export function encodeQuery(query: Query): Uint8Array {
  return toBinary(pb.QuerySchema, {
    $typeName: "cabildo.store.v1.Query",
    caller: toCaller(query.caller),
    question: toQuestion(query.question),
  });
}

/**
 * Fails with unimplemented on a question of a newer version, or one with a field that this version does not know: answered
 * without it, it would be another question.
 */
export function decodeQuery(bytes: Uint8Array): Query {
  const query = decode(pb.QuerySchema, bytes, "invalid-argument", (message) =>
    isNewer(message)
      ? undefined
      : { caller: fromCaller(message.caller), question: fromQuestion(message.question) },
  );
  if (query !== undefined) return query;
  throw new ClusterError(
    "unimplemented",
    "a question of a newer version than this node: upgrade the nodes first",
  );
}

function isNewer({ $unknown, question }: pb.Query): boolean {
  if ($unknown !== undefined || question.value?.$unknown !== undefined) return true;
  switch (question.case) {
    case "listEvents":
      return question.value.conditions.some((condition) => condition.$unknown !== undefined);
    case "tryCommands":
      return question.value.then !== undefined && isNewer(question.value.then);
    default:
      return false;
  }
}

export function encodeQueryReply(reply: QueryReply): Uint8Array {
  return toBinary(pb.QueryReplySchema, {
    $typeName: "cabildo.store.v1.QueryReply",
    outcome:
      reply.kind === "refused"
        ? { case: "refused", value: toRefused(reply.code, reply.message) }
        : toAnswer(reply.answer),
  });
}

export function decodeQueryReply(bytes: Uint8Array): QueryReply {
  return decode(pb.QueryReplySchema, bytes, "internal", ({ outcome }) =>
    outcome.case === "refused"
      ? { kind: "refused", ...fromRefused(outcome.value) }
      : { kind: "answered", answer: fromAnswer(outcome) },
  );
}
