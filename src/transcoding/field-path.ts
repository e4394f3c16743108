import type { DescField, DescMessage } from "@bufbuild/protobuf";

/** The fields that lead from a message to a value inside of it; at least one. */
export type FieldPath = readonly DescField[];

/**
 * Follows dotted names, either those of the proto or those of its JSON, through single messages. Undefined where there is no
 * such field.
 */
export function parseFieldPath(message: DescMessage, text: string): FieldPath | undefined {
  const path: DescField[] = [];
  let at: DescMessage | undefined = message;
  for (const name of text.split(".")) {
    const field: DescField | undefined = at?.fields.find(
      (candidate) => candidate.name === name || candidate.jsonName === name,
    );
    if (field === undefined) return undefined;
    path.push(field);
    at = field.fieldKind === "message" ? field.message : undefined;
  }
  return path;
}
