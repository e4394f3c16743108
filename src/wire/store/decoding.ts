import { fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { ClusterError, InvariantViolation } from "../../base/index.js";
import type { ErrorCode } from "../../base/index.js";

/** Bytes that are no message of the schema, or one that this program does not make. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/** Bytes to a domain type. Fails with a ClusterError of the code given, whatever the bytes. */
export function decode<Desc extends DescMessage, Value>(
  schema: Desc,
  bytes: Uint8Array,
  code: ErrorCode,
  convert: (message: MessageShape<Desc>) => Value,
): Value {
  try {
    return convert(fromBinary(schema, bytes));
  } catch (error) {
    if (error instanceof InvariantViolation) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ClusterError(code, `${schema.name}: not readable (${reason})`, {}, error);
  }
}

/** A message that every sender sets. */
export function required<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Malformed(`${name} is missing`);
  return value;
}
