/** Reads of JSON that somebody may have edited: each says which field is not what it should be. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function parseObject(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${what} is not JSON`, { cause });
  }
  return asObject(value, what);
}

export function asObject(value: unknown, what: string): JsonObject {
  if (!isObject(value)) throw new Error(`${what} is not an object`);
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function requireText(object: JsonObject, field: string, what: string): string {
  const value = object[field];
  if (typeof value !== "string") throw new Error(`${what}: ${field} is not a text`);
  return value;
}

export function requireNumber(object: JsonObject, field: string, what: string): number {
  const value = object[field];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new Error(`${what}: ${field} is not a whole number`);
  }
  return value;
}

export function requireFlag(object: JsonObject, field: string, what: string): boolean {
  const value = object[field];
  if (typeof value !== "boolean") throw new Error(`${what}: ${field} is neither true nor false`);
  return value;
}

/** Absent is empty. */
export function optionalTexts(object: JsonObject, field: string, what: string): readonly string[] {
  const value = object[field] ?? [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw new Error(`${what}: ${field} is not a list of texts`);
  }
  return value;
}

export function requireList(
  object: JsonObject,
  field: string,
  what: string,
): readonly JsonObject[] {
  const value = object[field];
  if (!Array.isArray(value)) throw new Error(`${what}: ${field} is not a list`);
  return value.map((item, index) => asObject(item, `${what}: ${field}[${index}]`));
}
