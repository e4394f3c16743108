import { ClusterError } from "../base/index.js";

/**
 * 64-bit fields are bigint in messages and safe integers everywhere else: what does not fit is
 * refused, never rounded.
 */
export function toSafeInteger(value: bigint): number {
  if (value > MAX || value < -MAX) {
    throw new ClusterError("invalid-argument", `${value}: beyond the integers that are exact`);
  }
  return Number(value);
}

export function toInt64(value: number): bigint {
  if (!Number.isSafeInteger(value)) {
    throw new ClusterError("invalid-argument", `${value}: not an exact integer`);
  }
  return BigInt(value);
}

export function toUint64(value: number): bigint {
  if (value < 0) throw new ClusterError("invalid-argument", `${value}: below 0`);
  return toInt64(value);
}

const MAX = BigInt(Number.MAX_SAFE_INTEGER);
