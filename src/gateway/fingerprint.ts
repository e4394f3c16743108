import { getOption } from "@bufbuild/protobuf";
import type { DescField, DescMethod, Message } from "@bufbuild/protobuf";
import { sha256Hex } from "../auth/index.js";
import { field_behavior, FieldBehavior } from "../../gen/google/api/field_behavior_pb.js";
import { canonicalBytes } from "../wire/index.js";
import { methodName } from "./handlers.js";

/**
 * By what a repeated request is told from another one with the same id: what the client asked for, without anything that was
 * made here. Secrets do not count: a digest of a password that is quick to make is quick to try passwords on.
 */
export function fingerprint(method: DescMethod, request: Message): string {
  const bytes = canonicalBytes(method.input, request, isLeftOut);
  return sha256Hex(Buffer.concat([Buffer.from(`${methodName(method)}\n`), bytes]));
}

const leftOut = new WeakMap<DescField, boolean>();

function isLeftOut(field: DescField): boolean {
  let answer = leftOut.get(field);
  if (answer === undefined) {
    answer = field.name === "request_id" || isSecret(field);
    leftOut.set(field, answer);
  }
  return answer;
}

function isSecret(field: DescField): boolean {
  return getOption(field, field_behavior).includes(FieldBehavior.INPUT_ONLY);
}
