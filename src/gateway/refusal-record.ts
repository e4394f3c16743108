import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Message } from "@bufbuild/protobuf";
import { ClusterError } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import type { Action } from "../policy/index.js";
import type { Refusal } from "../shards/index.js";
import type { MethodRule } from "./authorization.js";
import type { GatewayCall } from "./types.js";

/** Fields that say what a request is about, the first that is there. */
const NAMES = ["name", "parent", "userId", "group", "calendar", "shard"];

const GUESSES: readonly Action[] = ["auth.login", "auth.reset-password"];

/**
 * What the audit trail says of a failed call; undefined for a failure that is no refusal. What is not found may be what is not to
 * be seen: the trail says so, the caller cannot tell.
 */
export function refusalRecord(
  { method, request, remoteAddress }: GatewayCall,
  rule: MethodRule,
  caller: Caller | undefined,
  error: unknown,
): Refusal | undefined {
  if (!(error instanceof ClusterError) || rule.kind === "closed") return undefined;
  // The shard that counts guesses keeps them too.
  if (GUESSES.includes(rule.action) && error.code === "unauthenticated") return undefined;
  const { code } = error;
  const refusesRead = code === "permission-denied" || code === "unauthenticated";
  const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  if (!refusesRead && (isRead || code !== "not-found")) return undefined;
  return {
    subject: caller?.kind === "user" ? `users/${caller.user}` : "anonymous",
    action: rule.action,
    object: objectOf(method.input, request),
    decision: code,
    detail: "",
    origin: remoteAddress,
  };
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
