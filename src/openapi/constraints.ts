import { getOption, hasOption, type DescField, type JsonObject } from "@bufbuild/protobuf";
import { field as rulesOf, type FieldRules } from "../../gen/buf/validate/validate_pb.js";

/** The rules of `buf.validate` that a field has; undefined if there are none. */
export function findRules(field: DescField): FieldRules | undefined {
  return hasOption(field, rulesOf) ? getOption(field, rulesOf) : undefined;
}

/** Of one value, or of one item of a list: as keywords of JSON Schema. What none can say is left to the server. */
export function valueConstraints({ type }: FieldRules): JsonObject {
  switch (type.case) {
    case "string": {
      const { minLen, minBytes, maxLen, maxBytes, pattern, in: among, wellKnown } = type.value;
      const format = wellKnown.case;
      return {
        ...above("minLength", minLen, minBytes === 0n ? 0n : 1n),
        // No text has more characters than bytes.
        ...below("maxLength", maxLen, maxBytes),
        ...(pattern === "" ? {} : { pattern }),
        ...(among.length === 0 ? {} : { enum: [...among] }),
        ...(format === undefined ? {} : { format }),
      };
    }
    case "int32":
    case "uint32": {
      const { greaterThan, lessThan } = type.value;
      return {
        ...(greaterThan.case === "gt" ? { exclusiveMinimum: greaterThan.value } : {}),
        ...(greaterThan.case === "gte" ? { minimum: greaterThan.value } : {}),
        ...(lessThan.case === "lt" ? { exclusiveMaximum: lessThan.value } : {}),
        ...(lessThan.case === "lte" ? { maximum: lessThan.value } : {}),
      };
    }
    default:
      // 64-bit numbers are texts in JSON, and bytes are in base64.
      return {};
  }
}

/** How many items a list or a map has. */
export function sizeConstraints({ type }: FieldRules): JsonObject {
  switch (type.case) {
    case "repeated": {
      const { minItems, maxItems, unique } = type.value;
      return {
        ...above("minItems", minItems),
        ...below("maxItems", maxItems),
        ...(unique ? { uniqueItems: true } : {}),
      };
    }
    case "map": {
      const { minPairs, maxPairs } = type.value;
      return { ...above("minProperties", minPairs), ...below("maxProperties", maxPairs) };
    }
    default:
      return {};
  }
}

function above(keyword: string, ...bounds: readonly bigint[]): JsonObject {
  const bound = bounds.reduce((most, one) => (one > most ? one : most), 0n);
  return bound === 0n ? {} : { [keyword]: Number(bound) };
}

function below(keyword: string, ...bounds: readonly bigint[]): JsonObject {
  const [first, ...others] = bounds.filter((bound) => bound > 0n);
  if (first === undefined) return {};
  return { [keyword]: Number(others.reduce((least, one) => (one < least ? one : least), first)) };
}
