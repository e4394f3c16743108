import { crc32 } from "node:zlib";
import { DamageError } from "./damage.js";
import { describeKey } from "./keys.js";

export const CHECKSUM_BYTES = 4;

/** True if the stored value ends in the CRC-32 over key and value. */
export function isIntact(key: Buffer, stored: Buffer): boolean {
  const end = stored.length - CHECKSUM_BYTES;
  return end >= 0 && crc32(stored.subarray(0, end), crc32(key)) === stored.readUInt32BE(end);
}

/** The value without its checksum; throws `corrupt-storage` rather than return a wrong byte. */
export function requireIntact(key: Buffer, stored: Buffer): Buffer {
  if (!isIntact(key, stored)) throw corruptChecksum(key);
  return withoutChecksum(stored);
}

/** Of a row that was found intact. */
export function withoutChecksum(stored: Buffer): Buffer {
  return stored.subarray(0, stored.length - CHECKSUM_BYTES);
}

export function corruptChecksum(key: Buffer): DamageError {
  return corruptRow(key, "its checksum does not match");
}

export function corruptRow(key: Buffer, what: string): DamageError {
  return new DamageError(`row ${describeKey(key)} is damaged: ${what}`);
}
