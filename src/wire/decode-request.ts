import {
  fromBinary,
  fromJson,
  type DescMessage,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { ClusterError } from "../base/index.js";
import { findJsonFault } from "./json-fault.js";
import { jsonOptions } from "./json-options.js";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * A request as it came. Refused with invalid-argument in words of ours: a parser's own words tell of its insides, or repeat
 * a password. Unknown fields are ignored in binary, where they come from newer clients, and refused in JSON, where they are
 * typing errors.
 */
export function decodeRequest(
  schema: DescMessage,
  bytes: Uint8Array,
  format: "binary" | "json",
): Message {
  if (format === "json") return decodeJson(schema, parseJson(bytes));
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (cause) {
    const message = `the body is not a ${schema.typeName} in protobuf: generate the client anew`;
    throw new ClusterError("invalid-argument", message, {}, cause);
  }
}

/** The value of a body in JSON, whatever it is to mean. */
export function parseJson(bytes: Uint8Array): JsonValue {
  try {
    return JSON.parse(utf8.decode(bytes)) as JsonValue;
  } catch (cause) {
    throw new ClusterError("invalid-argument", "the body is not JSON: correct it", {}, cause);
  }
}

/** A request in JSON, as `decodeRequest` takes it. */
export function decodeJson(schema: DescMessage, json: JsonValue): Message {
  try {
    return fromJson(schema, json, jsonOptions(schema));
  } catch (cause) {
    throw notAsDescribed(schema, json, cause);
  }
}

function notAsDescribed(schema: DescMessage, json: JsonValue, cause: unknown): ClusterError {
  const fault = findJsonFault(schema, json);
  if (fault === undefined) {
    const message = `the body is not a ${schema.typeName} in JSON: a name is repeated or it is too deep`;
    return new ClusterError("invalid-argument", message, {}, cause);
  }
  const { path, description } = fault;
  const message = path === "" ? `the body ${description}` : `${path} ${description}`;
  const violations = [{ field: path, description }];
  return new ClusterError("invalid-argument", message, { violations }, cause);
}
