import type { Entry, ProposedEntry } from "./types.js";

/** What an entry's term, index and kind cost on the wire, about. */
const ENTRY_OVERHEAD_BYTES = 16;

/** Counts toward limits on messages and on entries that are being applied. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
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
