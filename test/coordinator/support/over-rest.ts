import { getOption, toJson } from "@bufbuild/protobuf";
import type { DescMethodUnary, JsonObject, JsonValue, Message } from "@bufbuild/protobuf";
import { http } from "../../../gen/google/api/annotations_pb.js";
import { camel } from "./methods.js";

export interface OverRest {
  readonly verb: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * As a person would write it who reads the rule: names into the path, and the rest into the body or the query; `byHeaders` also
 * says request id and etag as HTTP does.
 */
export function overRest(
  method: DescMethodUnary,
  request: Message,
  { byHeaders = false }: { readonly byHeaders?: boolean } = {},
): OverRest {
  const { pattern, body: bodyField } = getOption(method, http);
  if (typeof pattern.value !== "string") throw new Error(`${method.name} has no address`);
  const rest = toJson(method.input, request) as JsonObject;
  const bodyName = camel(bodyField);
  const path = pattern.value.replace(/\{([a-z_.]+)(?:=[^}]+)?\}/gu, (_, name: string) => {
    const [field = "", inner] = name.split(".").map(camel);
    return textOf(inner === undefined ? take(rest, field) : take(rest[field], inner));
  });
  const body = bodyField === "*" ? rest : rest[bodyName];
  const headers = byHeaders
    ? {
        ...header("idempotency-key", take(rest, "requestId")),
        ...header("if-match", take(bodyField === "" ? rest : body, "etag")),
      }
    : {};
  if (bodyField !== "*") take(rest, bodyName);
  const query = bodyField === "*" ? "" : queryOf(rest);
  const verb = pattern.case.toUpperCase();
  const target = query === "" ? path : `${path}?${query}`;
  if (bodyField === "") return { verb, path: target, headers, body: "" };
  const type = { "content-type": "application/json" };
  return { verb, path: target, headers: { ...headers, ...type }, body: JSON.stringify(body ?? {}) };
}

function take(from: JsonValue | undefined, name: string): JsonValue | undefined {
  if (typeof from !== "object" || from === null || Array.isArray(from)) return undefined;
  const value = from[name];
  Reflect.deleteProperty(from, name);
  return value;
}

const header = (name: string, value: JsonValue | undefined): Readonly<Record<string, string>> =>
  value === undefined ? {} : { [name]: textOf(value) };

function queryOf(fields: JsonObject): string {
  const pairs = Object.entries(fields).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      (one) => `${name}=${encodeURIComponent(textOf(one))}`,
    ),
  );
  return pairs.join("&");
}

const textOf = (value: JsonValue | undefined): string =>
  typeof value === "string" ? value : JSON.stringify(value);
