import { toBinary } from "@bufbuild/protobuf";
import * as pb from "../../../gen/cabildo/store/v1/queries_pb.js";
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

/** A question that this version does not know is refused: unlike a command, it changes nothing. */
export function decodeQuery(bytes: Uint8Array): Query {
  return decode(pb.QuerySchema, bytes, "invalid-argument", ({ caller, question }) => ({
    caller: fromCaller(caller),
    question: fromQuestion(question),
  }));
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
