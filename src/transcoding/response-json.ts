import { toJson, type JsonObject, type JsonValue, type Message } from "@bufbuild/protobuf";
import type { Binding } from "./binding.js";

/** The body of the answer in proto3 JSON: the response, or the one field of it that the rule names. */
export function toResponseJson({ method, responseBody }: Binding, response: Message): JsonValue {
  const json = toJson(method.output, response);
  if (responseBody === undefined) return json;
  const { jsonName } = responseBody;
  // What an object leaves out cannot be left out where it is the whole.
  const whole = (): JsonValue => toJson(method.output, response, { alwaysEmitImplicit: true });
  return memberOf(json, jsonName) ?? memberOf(whole(), jsonName) ?? null;
}

/** The tag of a resource (RFC 9110, 8.8.3), from its `etag`; undefined where it has none. */
export function entityTag(json: JsonValue): string | undefined {
  return textMember(json, "etag");
}

/** Where a message of a stream stands, from its `position`: what a client that comes again sends as Last-Event-ID. */
export function streamPosition(json: JsonValue): string | undefined {
  return textMember(json, "position");
}

function textMember(json: JsonValue, name: string): string | undefined {
  const value = memberOf(json, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function memberOf(json: JsonValue, name: string): JsonValue | undefined {
  return isObject(json) ? json[name] : undefined;
}

const isObject = (json: JsonValue): json is JsonObject =>
  json !== null && typeof json === "object" && !Array.isArray(json);
