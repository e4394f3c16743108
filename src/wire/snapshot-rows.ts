import { ClusterError } from "../base/index.js";

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const HEADER_BYTES = 8;

export function snapshotRowBytes(row: Row): number {
  return HEADER_BYTES + row.key.length + row.value.length;
}

/** Rows one after the other: length of key, length of value (32-bit, little-endian), key, value. */
export function encodeSnapshotRows(rows: readonly Row[]): Uint8Array {
  const bytes = new Uint8Array(rows.reduce((sum, row) => sum + snapshotRowBytes(row), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { key, value } of rows) {
    view.setUint32(at, key.length, true);
    view.setUint32(at + 4, value.length, true);
    bytes.set(key, at + HEADER_BYTES);
    bytes.set(value, at + HEADER_BYTES + key.length);
    at += HEADER_BYTES + key.length + value.length;
  }
  return bytes;
}

/** Throws ClusterError invalid-argument where the bytes are not whole rows. */
export function decodeSnapshotRows(bytes: Uint8Array): readonly Row[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows: Row[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + HEADER_BYTES > bytes.length) throw cutShort();
    const keyEnd = at + HEADER_BYTES + view.getUint32(at, true);
    const end = keyEnd + view.getUint32(at + 4, true);
    if (end > bytes.length) throw cutShort();
    rows.push({ key: bytes.slice(at + HEADER_BYTES, keyEnd), value: bytes.slice(keyEnd, end) });
    at = end;
  }
  return rows;
}

function cutShort(): ClusterError {
  return new ClusterError("invalid-argument", "the rows of a snapshot are cut short");
}
