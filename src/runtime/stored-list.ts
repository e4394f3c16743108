/** The list that a stored JSON text holds, and that an item of it is; empty where it is anything else. */
export function parseList(bytes: Uint8Array | undefined): readonly unknown[] {
  return bytes === undefined ? [] : listOf(JSON.parse(Buffer.from(bytes).toString()));
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
