import {
  toBinary,
  toJson,
  type DescMessage,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { ClusterError } from "../../base/index.js";
import { jsonOptions } from "../../wire/index.js";

export function encodeResponse(
  schema: DescMessage,
  response: Message,
  format: "binary" | "json",
  bytesMax: number,
): Uint8Array {
  const bytes =
    format === "binary"
      ? toBinary(schema, response, { writeUnknownFields: false })
      : Buffer.from(JSON.stringify(toJson(schema, response, jsonOptions(schema))));
  return requireFitting(bytes, bytesMax);
}

export function encodeJson(json: JsonValue, bytesMax: number): Uint8Array {
  return requireFitting(Buffer.from(`${JSON.stringify(json)}\n`), bytesMax);
}

function requireFitting(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.byteLength <= bytesMax) return bytes;
  const problem = `the answer is longer than ${bytesMax} bytes: ask for less, such as a smaller page_size`;
  throw new ClusterError("response-too-large", problem);
}
