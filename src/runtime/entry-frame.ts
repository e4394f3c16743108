import { assert } from "../base/index.js";

const HEADER_BYTES = 8;

/** What a normal entry holds: the leader's stamp (ms, 8 bytes big-endian) and the command. */
export function frameEntry(timeMs: number, command: Uint8Array): Uint8Array {
  const data = Buffer.allocUnsafe(HEADER_BYTES + command.length);
  data.writeUInt32BE(Math.floor(timeMs / 0x1_0000_0000), 0);
  data.writeUInt32BE(timeMs % 0x1_0000_0000, 4);
  data.set(command, HEADER_BYTES);
  return data;
}

export function openEntry(data: Uint8Array): { timeMs: number; command: Uint8Array } {
  assert(data.length >= HEADER_BYTES, "an entry without a stamp");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return {
    timeMs: view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4),
    command: data.subarray(HEADER_BYTES),
  };
}
