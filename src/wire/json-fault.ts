import {
  fromJson,
  ScalarType,
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { jsonOptions } from "./json-options.js";

export interface JsonFault {
  /** As the client wrote it, such as `event.attendees[1].user`; empty for the whole. */
  readonly path: string;
  /** Goes on after the path: "is not a string". Never repeats a value. */
  readonly description: string;
}

/** Messages nest no deeper in the public API; what does is refused without a path. */
const DEPTH_MAX = 32;
const NAME_LENGTH_MAX = 64;

/** The first place where JSON is not what a message's descriptor says, in the order of the text. */
export function findJsonFault(schema: DescMessage, json: JsonValue): JsonFault | undefined {
  return faultOfMessage(schema, json, "", 0);
}

function faultOfMessage(
  schema: DescMessage,
  json: JsonValue,
  path: string,
  depth: number,
): JsonFault | undefined {
  if (depth > DEPTH_MAX) return { path, description: "is nested too deep" };
  if (hasOwnJson(schema)) return faultOfLeaf(schema, json, path);
  if (!isObject(json)) return { path, description: `is not an object${suchAs(schema)}` };
  for (const [name, value] of Object.entries(json)) {
    const at = path === "" ? shorten(name) : `${path}.${shorten(name)}`;
    const field = schema.fields.find((known) => known.jsonName === name || known.name === name);
    if (field === undefined) {
      return { path: at, description: `is unknown: ${schema.typeName} has no such field` };
    }
    const fault = value === null ? undefined : faultOfField(schema, field, value, at, depth);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultOfField(
  schema: DescMessage,
  field: DescField,
  value: JsonValue,
  path: string,
  depth: number,
): JsonFault | undefined {
  if (field.fieldKind === "message") return faultOfMessage(field.message, value, path, depth + 1);
  const inner = field.fieldKind === "list" || field.fieldKind === "map" ? field.message : undefined;
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) return { path, description: "is not a list" };
    for (const [index, item] of value.entries()) {
      const at = `${path}[${index}]`;
      const fault =
        inner === undefined
          ? faultOfValue(schema, field, [item], at)
          : faultOfMessage(inner, item, at, depth + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  if (field.fieldKind === "map") {
    if (!isObject(value)) return { path, description: "is not an object" };
    for (const [key, item] of Object.entries(value)) {
      const at = `${path}[${JSON.stringify(shorten(key))}]`;
      const fault =
        inner === undefined
          ? faultOfValue(schema, field, { [key]: item }, at)
          : faultOfMessage(inner, item, at, depth + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  return faultOfValue(schema, field, value, path);
}

/** Judged by the decoder itself, alone in a message. */
function faultOfValue(
  schema: DescMessage,
  field: DescField,
  value: JsonValue,
  path: string,
): JsonFault | undefined {
  if (decodes(schema, { [field.jsonName]: value })) return undefined;
  return { path, description: `is not ${describe(field)}` };
}

function faultOfLeaf(schema: DescMessage, json: JsonValue, path: string): JsonFault | undefined {
  if (decodes(schema, json)) return undefined;
  return { path, description: `is not a ${schema.typeName}${suchAs(schema)}` };
}

function suchAs({ typeName }: DescMessage): string {
  const example = EXAMPLES[typeName];
  return example === undefined ? "" : ` such as ${example}`;
}

const EXAMPLES: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": '"2030-01-31T09:00:00Z"',
  "google.protobuf.Duration": '"1.5s"',
  "google.protobuf.FieldMask": '"title,startTime"',
  "google.type.Date": '{"year":2030,"month":1,"day":31}',
};

function decodes(schema: DescMessage, json: JsonValue): boolean {
  try {
    fromJson(schema, json, jsonOptions(schema));
    return true;
  } catch {
    return false;
  }
}

function describe(field: DescField): string {
  if (field.enum !== undefined) return `one of ${namesOf(field.enum)}`;
  if (field.scalar === undefined) return "of its type";
  if (field.fieldKind === "map") return `${ScalarType[field.scalar].toLowerCase()} by its key`;
  return `of type ${ScalarType[field.scalar].toLowerCase()}`;
}

const namesOf = ({ values }: DescEnum): string => values.map(({ name }) => name).join(", ");

/** Well-known types whose JSON is not an object of their fields. */
const hasOwnJson = ({ typeName }: DescMessage): boolean => typeName.startsWith("google.protobuf.");

const isObject = (json: JsonValue): json is JsonObject =>
  json !== null && typeof json === "object" && !Array.isArray(json);

const shorten = (name: string): string =>
  name.length <= NAME_LENGTH_MAX ? name : `${name.slice(0, NAME_LENGTH_MAX)}...`;
