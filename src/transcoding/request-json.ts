import type { DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Binding } from "./binding.js";
import { parseFieldPath, type FieldPath } from "./field-path.js";
import { findHeaderFields } from "./header-fields.js";
import { isSingleValue, valueOfText } from "./value-of-text.js";

/** A request of HTTP, as far as it says what is asked. */
export interface RequestParts {
  /** The values of the path's variables, as `RouteTable.match` gives them. */
  readonly variables: readonly string[];
  readonly query: URLSearchParams;
  /** Undefined if none was sent. */
  readonly body: JsonValue | undefined;
  /** The header fields that stand for fields of the request, where they were sent. */
  readonly headers: {
    readonly ifMatch?: string | undefined;
    readonly ifNoneMatch?: string | undefined;
    readonly idempotencyKey?: string | undefined;
    readonly lastEventId?: string | undefined;
  };
}

export interface RequestFault {
  /** Parameter, header or field, as the client wrote it; empty for the body as a whole. */
  readonly field: string;
  /** Goes on after the name: "is given twice". Never repeats a value. */
  readonly description: string;
}

export type RequestJson =
  | { readonly kind: "json"; readonly json: JsonObject }
  | { readonly kind: "fault"; readonly fault: RequestFault };

/**
 * The request message in proto3 JSON, put together from the body, the path, the query and the headers. Refuses what would
 * be ignored or would say the same thing twice. Types are not checked here: `fromJson` refuses what does not fit.
 */
export function toRequestJson(binding: Binding, parts: RequestParts): RequestJson {
  const { body } = parts;
  const { json, fault: bodyFault } = fromBody(binding, body);
  const fault =
    bodyFault ??
    addVariables(binding, json, parts.variables) ??
    addQuery(binding, json, parts.query) ??
    addHeaders(binding, json, parts.headers);
  return fault === undefined ? { kind: "json", json } : { kind: "fault", fault };
}

function fromBody(
  { body: place }: Binding,
  body: JsonValue | undefined,
): { readonly json: JsonObject; readonly fault?: RequestFault } {
  if (body === undefined) return { json: {} };
  switch (place.kind) {
    case "none":
      return { json: {}, fault: { field: "", description: "is not taken by this method" } };
    case "field":
      return { json: { [place.field.jsonName]: body } };
    case "all":
      return isObject(body)
        ? { json: { ...body } }
        : { json: {}, fault: { field: "", description: "is not an object" } };
  }
}

function addVariables(
  binding: Binding,
  json: JsonObject,
  values: readonly string[],
): RequestFault | undefined {
  for (const [index, path] of binding.variables.entries()) {
    const value = valueOfText(path, values[index] ?? "");
    if (!put(json, path, value)) {
      return { field: nameOf(path), description: "is in the path too, with another value" };
    }
  }
  return undefined;
}

function addQuery(
  binding: Binding,
  json: JsonObject,
  query: URLSearchParams,
): RequestFault | undefined {
  const seen = new Set<string>();
  for (const [name, text] of query) {
    const path = parseFieldPath(binding.method.input, name);
    if (path === undefined) {
      return {
        field: shorten(name),
        description: `is unknown: ${textOf(binding.method)} has no such field`,
      };
    }
    const fault = faultOfParameter(binding, path, name, seen);
    if (fault !== undefined) return { field: name, description: fault };
    if (path.at(-1)?.fieldKind === "list") append(json, path, valueOfText(path, text));
    else put(json, path, valueOfText(path, text));
  }
  return undefined;
}

function faultOfParameter(
  { body, variables }: Binding,
  path: FieldPath,
  name: string,
  seen: Set<string>,
): string | undefined {
  if (body.kind === "all") return "belongs in the body";
  if (body.kind === "field" && path[0] === body.field) return "belongs in the body";
  const key = nameOf(path);
  if (variables.some((variable) => nameOf(variable) === key)) return "is in the path";
  const last = path.at(-1);
  if (last === undefined || !isSingleValue(last)) return "is no single value: name a field of it";
  if (seen.has(key) && last.fieldKind !== "list") return "is given twice";
  if (name.includes(".") && path.slice(0, -1).some((step) => seen.has(step.jsonName))) {
    return "is given twice";
  }
  seen.add(key);
  return undefined;
}

function addHeaders(
  binding: Binding,
  json: JsonObject,
  { ifMatch, ifNoneMatch, idempotencyKey, lastEventId }: RequestParts["headers"],
): RequestFault | undefined {
  const { etag, requestId, position } = findHeaderFields(binding);
  const notTaken = (field: string): RequestFault => ({
    field,
    description: "is not taken by this method",
  });
  const twice = (field: string): RequestFault => ({
    field,
    description: "says something else than the request itself",
  });
  if (ifMatch !== undefined) {
    if (etag === undefined) return notTaken("If-Match");
    if (!isOneTag(ifMatch)) return { field: "If-Match", description: "is not one etag, or *" };
    if (ifMatch !== "*" && !put(json, etag, ifMatch)) return twice("If-Match");
  }
  // A read is answered 304 by its response; a write has no use for it.
  if (ifNoneMatch !== undefined && binding.httpMethod !== "GET") return notTaken("If-None-Match");
  if (idempotencyKey !== undefined) {
    if (requestId === undefined) return notTaken("Idempotency-Key");
    if (!put(json, requestId, unquote(idempotencyKey))) return twice("Idempotency-Key");
  }
  // Newer than the position in the address, which stays the same when a client comes again.
  if (lastEventId !== undefined) {
    if (position === undefined) return notTaken("Last-Event-ID");
    json[position.jsonName] = lastEventId;
  }
  return undefined;
}

/** Whether the value stands there now: false if another one does. What is no object on the way is left to `fromJson`. */
function put(json: JsonObject, path: FieldPath, value: JsonValue): boolean {
  const place = descend(json, path);
  if (place === undefined) return true;
  const { parent, key } = place;
  const present = parent[key];
  if (present !== undefined && present !== null && present !== "") return present === value;
  parent[key] = value;
  return true;
}

function append(json: JsonObject, path: FieldPath, value: JsonValue): void {
  const place = descend(json, path);
  if (place === undefined) return;
  const present = place.parent[place.key];
  if (Array.isArray(present)) present.push(value);
  else place.parent[place.key] = [value];
}

function descend(
  json: JsonObject,
  path: FieldPath,
): { readonly parent: JsonObject; readonly key: string } | undefined {
  let parent = json;
  for (const field of path.slice(0, -1)) {
    const key = keyOf(parent, field);
    const next = parent[key];
    if (next !== undefined && next !== null && !isObject(next)) return undefined;
    // A copy: what the caller gave stays as it is.
    const copy: JsonObject = { ...next };
    parent[key] = copy;
    parent = copy;
  }
  const last = path.at(-1);
  return last === undefined ? undefined : { parent, key: keyOf(parent, last) };
}

/** The name under which the client wrote a field, or the one that JSON prefers. */
const keyOf = (json: JsonObject, { name, jsonName }: FieldPath[number]): string =>
  Object.hasOwn(json, name) ? name : jsonName;

const isObject = (json: JsonValue): json is JsonObject =>
  json !== null && typeof json === "object" && !Array.isArray(json);

const isOneTag = (text: string): boolean => text === "*" || /^(?:W\/)?"[^"]*"$/u.test(text);

/** The key is a quoted string in the draft, and a bare one with most who use it. */
const unquote = (text: string): string => /^"(.*)"$/u.exec(text)?.[1] ?? text;

const nameOf = (path: FieldPath): string => path.map(({ jsonName }) => jsonName).join(".");

const textOf = ({ input }: DescMethod): string => input.typeName;

const NAME_LENGTH_MAX = 64;
const shorten = (name: string): string =>
  name.length <= NAME_LENGTH_MAX ? name : `${name.slice(0, NAME_LENGTH_MAX)}...`;
