import { isId } from "../policy/index.js";
import { codePoints, isVisibleAscii, utf8Bytes } from "./text.js";

export const TIME_ZONE_BYTES_MAX = 64;

/** Like all below: what is wrong with a value, naming its field; undefined if nothing. */
export function idFault(field: string, id: string): string | undefined {
  return isId(id)
    ? undefined
    : `${field}: 1 to 63 lower-case letters, digits and hyphens, a letter first, no hyphen last`;
}

export function asciiFault(field: string, text: string, charsMax: number): string | undefined {
  if (text.length > charsMax) return `${field}: at most ${charsMax} characters`;
  return isVisibleAscii(text) ? undefined : `${field}: ASCII characters alone`;
}

export function hashFault(field: string, hash: string, charsMax: number): string | undefined {
  return hash === "" ? `${field}: must be set` : asciiFault(field, hash, charsMax);
}

/**
 * A string has no more code points than UTF-16 units, and no more than three bytes a unit: most are
 * never counted.
 */
export function textFault(field: string, text: string, charsMax: number): string | undefined {
  if (text.length <= charsMax || codePoints(text) <= charsMax) return undefined;
  return `${field}: at most ${charsMax} characters`;
}

export function bytesFault(field: string, text: string, bytesMax: number): string | undefined {
  if (text.length * 3 <= bytesMax || utf8Bytes(text) <= bytesMax) return undefined;
  return `${field}: at most ${bytesMax} bytes`;
}

export function rangeFault(
  field: string,
  value: number,
  min: number,
  max: number,
): string | undefined {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return undefined;
  return `${field}: from ${min} to ${max}`;
}
