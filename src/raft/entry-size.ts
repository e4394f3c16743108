import type { Entry, ProposedEntry } from "./types.js";

/** What a field costs beside its value, and what a kind other than "normal" does. */
const TAG_BYTES = 1;
const KIND_BYTES = 2;

/** As protobuf encodes an entry. Counts toward limits on messages and on entries that are being applied. */
export function entryBytes({ term, index, kind, data }: Entry): number {
  const { length } = data;
  return (
    2 * TAG_BYTES +
    varintBytes(term) +
    varintBytes(index) +
    (length === 0 ? 0 : TAG_BYTES + varintBytes(length) + length) +
    (kind === "normal" ? 0 : KIND_BYTES)
  );
}

export function entriesBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}

/** Counts toward limits on what callers may put in the log: an empty entry is always free. */
export function payloadBytes(entries: readonly ProposedEntry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest /= 128) bytes += 1;
  return bytes;
}
