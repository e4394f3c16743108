import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Message } from "@bufbuild/protobuf";
import { ClusterError, type ErrorCode } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import type { Action } from "../policy/index.js";
import type { Refusal } from "../shards/index.js";
import type { MethodRule } from "./authorization.js";
import type { GatewayCall } from "./types.js";

/** Fields that say what a request is about, the first that is there. */
const NAMES = ["name", "parent", "userId", "group", "calendar", "shard"];

/** What no name looks like may be anything: a token, or a password that was typed in the wrong place. */
const NAME = /^[a-z0-9.-]{1,63}(\/[a-z0-9.-]{1,63}){0,7}$/u;

const GUESSES: readonly Action[] = ["auth.login", "auth.reset-password"];

/**
 * What the audit trail says of a failed call; undefined for a failure that is no refusal. What is not found may be what is not to
 * be seen: the trail says so, the caller cannot tell.
 */
export function refusalRecord(
  call: GatewayCall,
  rule: MethodRule,
  caller: Caller | undefined,
  error: unknown,
): Refusal | undefined {
  if (!(error instanceof ClusterError) || rule.kind === "closed") return undefined;
  if (!isTold(call.method, rule.action, error.code)) return undefined;
  return {
    subject: caller?.kind === "user" ? `users/${caller.user}` : "anonymous",
    action: rule.action,
    object: nameOf(call.method.input, call.request),
    decision: error.code,
    detail: "",
    origin: call.remoteAddress,
  };
}

function isTold(method: GatewayCall["method"], action: Action, code: ErrorCode): boolean {
  // The shard that counts guesses keeps the wrong ones too, but none that was one too many.
  if (GUESSES.includes(action) && code === "unauthenticated") return false;
  if (GUESSES.includes(action) && code === "overloaded") return true;
  if (code === "permission-denied" || code === "unauthenticated") return true;
  const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return code === "not-found" && !isRead;
}

function nameOf(...call: Parameters<typeof objectOf>): string {
  const object = objectOf(...call);
  return NAME.test(object) ? object : "";
}

function objectOf(desc: GatewayCall["method"]["input"], request: Message): string {
  const view = reflect(desc, request);
  for (const name of NAMES) {
    const field = desc.field[name];
    if (field?.fieldKind !== "scalar") continue;
    const value = view.get(field);
    if (typeof value === "string" && value !== "")
      return name === "userId" ? `users/${value}` : value;
  }
  for (const field of desc.fields) {
    if (field.fieldKind !== "message" || !view.isSet(field)) continue;
    const name = field.message.field["name"];
    if (name?.fieldKind !== "scalar") continue;
    const value = view.get(field).get(name);
    if (typeof value === "string") return value;
  }
  return "";
}
