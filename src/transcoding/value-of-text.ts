import { ScalarType, type DescEnum, type DescField, type JsonValue } from "@bufbuild/protobuf";
import type { FieldPath } from "./field-path.js";

/** Well-known types whose JSON is one text, number or flag. */
const SINGLE_VALUES: ReadonlySet<string> = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
  "google.protobuf.BoolValue",
  "google.protobuf.BytesValue",
  "google.protobuf.DoubleValue",
  "google.protobuf.FloatValue",
  "google.protobuf.Int32Value",
  "google.protobuf.Int64Value",
  "google.protobuf.StringValue",
  "google.protobuf.UInt32Value",
  "google.protobuf.UInt64Value",
]);

/** Whether a text can say what a field holds, or one item of it: no map, and no message but those written as one value. */
export function isSingleValue(field: DescField): boolean {
  if (field.fieldKind === "map") return false;
  return field.message === undefined || SINGLE_VALUES.has(field.message.typeName);
}

/** What a parameter's text is in JSON. A text that fits the field in no way stays one, and `fromJson` refuses it. */
export function valueOfText(path: FieldPath, text: string): JsonValue {
  const field = path.at(-1);
  if (field === undefined) return text;
  if (field.enum !== undefined) return valueOfEnum(field.enum, text);
  const isFlag =
    field.scalar === ScalarType.BOOL || field.message?.typeName === "google.protobuf.BoolValue";
  if (isFlag && (text === "true" || text === "false")) return text === "true";
  if (field.message?.typeName === "google.protobuf.FieldMask") return inCamelCase(text);
  return text;
}

/** A mask names fields as JSON does; like the name of a parameter, it may be written as the protos have it too. */
function inCamelCase(mask: string): string {
  return mask.replace(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase());
}

/** By name or by number. */
function valueOfEnum({ values }: DescEnum, text: string): JsonValue {
  return /^-?\d+$/u.test(text) && !values.some(({ name }) => name === text) ? Number(text) : text;
}
