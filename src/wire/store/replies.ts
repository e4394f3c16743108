import { toBinary } from "@bufbuild/protobuf";
import * as pb from "../../../gen/cabildo/store/v1/commands_pb.js";
import { isErrorCode, unreachable } from "../../base/index.js";
import type { ErrorCode } from "../../base/index.js";
import type { CommandReply } from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { decode, Malformed } from "./decoding.js";
import { fromResource, toResource } from "./resources.js";

export function encodeReply(reply: CommandReply): Uint8Array {
  return toBinary(pb.CommandReplySchema, toReply(reply));
}

export function decodeReply(bytes: Uint8Array): CommandReply {
  return decode(pb.CommandReplySchema, bytes, "internal", fromReply);
}

export function toReply(reply: CommandReply): pb.CommandReply {
  const of = (outcome: pb.CommandReply["outcome"]): pb.CommandReply => ({
    $typeName: "cabildo.store.v1.CommandReply",
    outcome,
    replayed: reply.replayed,
  });
  switch (reply.kind) {
    case "done": {
      const done: pb.Done = {
        $typeName: "cabildo.store.v1.Done",
        name: reply.name,
        revision: toInt64(reply.revision),
        sequence: toInt64(reply.sequence),
      };
      if (reply.resource !== undefined) done.resource = toResource(reply.resource);
      return of({ case: "done", value: done });
    }
    case "refused":
      return of({ case: "refused", value: toRefused(reply.code, reply.message) });
    default:
      return unreachable(reply);
  }
}

export function fromReply({ outcome, replayed }: pb.CommandReply): CommandReply {
  switch (outcome.case) {
    case "done": {
      const { name, resource } = outcome.value;
      return {
        kind: "done",
        name,
        revision: toSafeInteger(outcome.value.revision),
        sequence: toSafeInteger(outcome.value.sequence),
        replayed,
        ...(resource === undefined ? {} : { resource: fromResource(resource) }),
      };
    }
    case "refused":
      return { kind: "refused", ...fromRefused(outcome.value), replayed };
    case undefined:
      throw new Malformed("outcome is missing");
    default:
      return unreachable(outcome);
  }
}

export function toRefused(code: ErrorCode, message: string): pb.Refused {
  return { $typeName: "cabildo.store.v1.Refused", code, message };
}

export function fromRefused({ code, message }: pb.Refused): { code: ErrorCode; message: string } {
  if (!isErrorCode(code)) throw new Malformed(`${code} is no error code`);
  return { code, message };
}
