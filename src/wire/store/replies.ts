import * as pb from "../../../gen/cabildo/store/v1/commands_pb.js";
import { isErrorCode, unreachable } from "../../base/index.js";
import type { ErrorCode } from "../../base/index.js";
import type { CommandReply } from "../../domain/index.js";
import { toSafeInteger } from "../int64.js";
import { decode, Malformed } from "./decoding.js";
import { encodeResource, fromResource } from "./resources.js";
import { WRITER } from "./writer.js";

const REPLY = pb.CommandReplySchema.field;
const DONE = pb.DoneSchema.field;
const REFUSED = pb.RefusedSchema.field;

/**
 * A reply is answered and remembered: it is encoded once for both. Replies are never written to.
 */
const replyBytes = new WeakMap<CommandReply, Uint8Array>();

export function encodeReply(reply: CommandReply): Uint8Array {
  let bytes = replyBytes.get(reply);
  if (bytes === undefined) {
    bytes = encodeMessage(reply);
    replyBytes.set(reply, bytes);
  }
  return bytes;
}

function encodeMessage(reply: CommandReply): Uint8Array {
  if (reply.kind === "refused") {
    WRITER.start()
      .begin(REPLY.refused.number)
      .text(REFUSED.code.number, reply.code)
      .text(REFUSED.message.number, reply.message);
  } else {
    const resource = reply.resource && encodeResource(reply.resource);
    WRITER.start()
      .begin(REPLY.done.number)
      .text(DONE.name.number, reply.name)
      .int64(DONE.revision.number, reply.revision)
      .int64(DONE.sequence.number, reply.sequence)
      .message(DONE.resource.number, resource);
  }
  return WRITER.end().bool(REPLY.replayed.number, reply.replayed).finish();
}

export function decodeReply(bytes: Uint8Array): CommandReply {
  return decode(pb.CommandReplySchema, bytes, "internal", fromReply);
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
