import { getOption, type DescField } from "@bufbuild/protobuf";
import { field_behavior, FieldBehavior } from "../../gen/google/api/field_behavior_pb.js";
import { findRules } from "./constraints.js";

/** Set by the server alone. */
export function isReadOnly(field: DescField): boolean {
  const behaviors = getOption(field, field_behavior);
  return (
    behaviors.includes(FieldBehavior.OUTPUT_ONLY) || behaviors.includes(FieldBehavior.IDENTIFIER)
  );
}

/** Never answered, such as a password. */
export function isWriteOnly(field: DescField): boolean {
  return getOption(field, field_behavior).includes(FieldBehavior.INPUT_ONLY);
}

/** Whether a request must set it. */
export function isRequired(field: DescField): boolean {
  if (isReadOnly(field)) return false;
  return (
    getOption(field, field_behavior).includes(FieldBehavior.REQUIRED) ||
    findRules(field)?.required === true
  );
}
