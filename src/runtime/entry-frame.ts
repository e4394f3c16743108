import { assert } from "../base/index.js";

const HEADER_BYTES = 8;
const LEVEL_BYTES = 4;
/** No time has the topmost bit of the stamp: there it says that a level follows, not a command. */
const LEVEL_FLAG = 0x8000_0000;

/** What a normal entry holds beside the leader's stamp. */
export type OpenedEntry =
  | { readonly kind: "command"; readonly timeMs: number; readonly command: Uint8Array }
  | { readonly kind: "level"; readonly timeMs: number; readonly level: number };

/** The leader's stamp (ms, 8 bytes big-endian) and the command. */
export function frameEntry(timeMs: number, command: Uint8Array): Uint8Array {
  const data = Buffer.allocUnsafe(HEADER_BYTES + command.length);
  data.writeUInt32BE(Math.floor(timeMs / 0x1_0000_0000), 0);
  data.writeUInt32BE(timeMs % 0x1_0000_0000, 4);
  data.set(command, HEADER_BYTES);
  return data;
}

/** An entry that raises the group's feature level. */
export function frameLevel(timeMs: number, level: number): Uint8Array {
  const body = Buffer.alloc(LEVEL_BYTES);
  body.writeUInt32BE(level);
  const data = Buffer.from(frameEntry(timeMs, body));
  data.writeUInt32BE((data.readUInt32BE(0) | LEVEL_FLAG) >>> 0, 0);
  return data;
}

export function openEntry(data: Uint8Array): OpenedEntry {
  assert(data.length >= HEADER_BYTES, "an entry without a stamp");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const high = view.getUint32(0);
  const isLevel = high >= LEVEL_FLAG;
  const timeMs = (isLevel ? high - LEVEL_FLAG : high) * 0x1_0000_0000 + view.getUint32(4);
  if (!isLevel) return { kind: "command", timeMs, command: data.subarray(HEADER_BYTES) };
  assert(data.length === HEADER_BYTES + LEVEL_BYTES, "an entry with a malformed level");
  return { kind: "level", timeMs, level: view.getUint32(HEADER_BYTES) };
}
