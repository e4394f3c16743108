import { crc32 } from "node:zlib";
import type { ReplicaId } from "../raft/index.js";
import type { LogId } from "../runtime/index.js";
import { assert } from "../base/index.js";
import { readU64, writeU64 } from "./keys.js";

/**
 * What the marker knows of a replica. The store must hold `promised`, or it lost what was
 * acknowledged; it may lack `attempted`, which the round was about to write.
 */
export interface MarkerRow {
  readonly replica: ReplicaId;
  readonly term: number;
  readonly vote: ReplicaId;
  readonly promised: LogId;
  readonly attempted: LogId;
}

/** One slot: everything that the marker says about the whole store. */
export interface MarkerImage {
  /** 32 hexadecimal digits. */
  readonly storeId: string;
  readonly boot: number;
  /** Higher is newer; its lowest bit says which slot. */
  readonly generation: number;
  readonly rows: readonly MarkerRow[];
}

export const SLOT_BYTES = 64 * 1024;
export const MARKER_BYTES = 2 * SLOT_BYTES;

const MAGIC = 0x43424d31;
const HEADER_BYTES = 40;
const ROW_BYTES = 48;
const CRC_BYTES = 4;
export const MARKER_ROWS_MAX = Math.floor((SLOT_BYTES - HEADER_BYTES - CRC_BYTES) / ROW_BYTES);

export function slotOffset(generation: number): number {
  return (generation % 2) * SLOT_BYTES;
}

/** Lays the slot out at the start of `into` and returns its length. */
export function encodeSlot(image: MarkerImage, into: Buffer): number {
  assert(image.rows.length <= MARKER_ROWS_MAX, `more than ${MARKER_ROWS_MAX} replicas in a store`);
  into.writeUInt32BE(MAGIC, 0);
  into.write(image.storeId, 4, 16, "hex");
  writeU64(into, image.boot, 20);
  writeU64(into, image.generation, 28);
  into.writeUInt32BE(image.rows.length, 36);
  let at = HEADER_BYTES;
  for (const row of image.rows) {
    into.writeUInt32BE(row.replica, at);
    into.writeUInt32BE(row.vote, at + 4);
    writeU64(into, row.term, at + 8);
    writeU64(into, row.promised.index, at + 16);
    writeU64(into, row.promised.term, at + 24);
    writeU64(into, row.attempted.index, at + 32);
    writeU64(into, row.attempted.term, at + 40);
    at += ROW_BYTES;
  }
  into.writeUInt32BE(crc32(into.subarray(0, at)), at);
  return at + CRC_BYTES;
}

/** The newest slot that is whole: a power cut can tear only the one that was being written. */
export function decodeMarker(bytes: Buffer): MarkerImage | undefined {
  const slots = [decodeSlot(bytes.subarray(0, SLOT_BYTES)), decodeSlot(bytes.subarray(SLOT_BYTES))];
  const [first, second] = slots;
  if (first === undefined || second === undefined) return first ?? second;
  return first.generation > second.generation ? first : second;
}

function decodeSlot(slot: Buffer): MarkerImage | undefined {
  if (slot.length < HEADER_BYTES + CRC_BYTES || slot.readUInt32BE(0) !== MAGIC) return undefined;
  const count = slot.readUInt32BE(36);
  const end = HEADER_BYTES + count * ROW_BYTES;
  if (count > MARKER_ROWS_MAX || end + CRC_BYTES > slot.length) return undefined;
  if (crc32(slot.subarray(0, end)) !== slot.readUInt32BE(end)) return undefined;
  const rows: MarkerRow[] = [];
  for (let at = HEADER_BYTES; at < end; at += ROW_BYTES) {
    rows.push({
      replica: slot.readUInt32BE(at),
      vote: slot.readUInt32BE(at + 4),
      term: readU64(slot, at + 8),
      promised: { index: readU64(slot, at + 16), term: readU64(slot, at + 24) },
      attempted: { index: readU64(slot, at + 32), term: readU64(slot, at + 40) },
    });
  }
  return {
    storeId: slot.toString("hex", 4, 20),
    boot: readU64(slot, 20),
    generation: readU64(slot, 28),
    rows,
  };
}
