import {
  fromBinary,
  fromJsonString,
  type DescMessage,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { ClusterError } from "../base/index.js";
import { findJsonFault } from "./json-fault.js";

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
  try {
    return format === "binary"
      ? fromBinary(schema, bytes, { readUnknownFields: false })
      : fromJsonString(schema, utf8.decode(bytes));
  } catch (cause) {
    throw format === "binary" ? notProtobuf(schema, cause) : notAsDescribed(schema, bytes, cause);
  }
}

function notProtobuf(schema: DescMessage, cause: unknown): ClusterError {
  const message = `the body is not a ${schema.typeName} in protobuf: generate the client anew`;
  return new ClusterError("invalid-argument", message, {}, cause);
}

function notAsDescribed(schema: DescMessage, bytes: Uint8Array, cause: unknown): ClusterError {
  const json = parse(bytes);
  if (json === undefined) {
    return new ClusterError("invalid-argument", "the body is not JSON: correct it", {}, cause);
  }
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

function parse(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(utf8.decode(bytes)) as JsonValue;
  } catch {
    return undefined;
  }
}
