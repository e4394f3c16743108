import { ulid } from "ulidx";
import { assert, uuidV7 } from "../base/index.js";

/** Port: bytes that nobody can guess. */
export type RandomBytes = (count: number) => Uint8Array;

const SESSION_BYTES = 16;
const UUID_BYTES = 16;
/** Characters of a ULID that are random: one byte each. */
const ULID_BYTES = 16;

/** Ids are made here, before the log: applying a command makes none. */
export interface Ids {
  /** `e` and a lower-case ULID. */
  event(): string;
  /** `i` and a lower-case ULID. */
  invitation(): string;
  session(): string;
  /** UUIDv7 (RFC 9562): sorts by time, and tells it. */
  uuid(): string;
}

export function createIds(wallMs: () => number, randomBytes: RandomBytes): Ids {
  return {
    event: () => `e${ulid(wallMs(), fractions(randomBytes(ULID_BYTES))).toLowerCase()}`,
    invitation: () => `i${ulid(wallMs(), fractions(randomBytes(ULID_BYTES))).toLowerCase()}`,
    session: () => Buffer.from(randomBytes(SESSION_BYTES)).toString("hex"),
    uuid: () => uuidV7(wallMs(), randomBytes(UUID_BYTES)),
  };
}

const ID_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

const ULID_BITS = 128n;
const DIGIT_BITS = 5n;
const HEX_DIGIT_BITS = 4n;

/** An event id that follows from a digest (hexadecimal, 128 bits or more). */
export function idOfDigest(digestHex: string): string {
  const digits = Number(ULID_BITS / HEX_DIGIT_BITS);
  const bits = BigInt(`0x${digestHex.slice(0, digits)}`);
  let id = "";
  for (let shift = 125n; shift >= 0n; shift -= DIGIT_BITS) {
    id += ID_DIGITS[Number((bits >> shift) & 31n)] ?? "";
  }
  return `e${id}`;
}

/** The ids of a batch follow from its first one, so that a repeated request finds what the first one made. */
export function successiveIds(first: string, count: number): readonly string[] {
  const ids = [first];
  while (ids.length < count) ids.push(successor(ids.at(-1) ?? first));
  return ids;
}

/** As monotonic ULIDs count: the last digit that is not the greatest goes up, those after it begin again. */
function successor(id: string): string {
  const digits = Array.from(id);
  for (let at = digits.length - 1; at > 0; at--) {
    const next = ID_DIGITS[ID_DIGITS.indexOf(digits[at] ?? "") + 1];
    digits[at] = next ?? "0";
    if (next !== undefined) break;
  }
  return digits.join("");
}

/** Each byte once, as a number in [0, 1): drawing them one by one would cost more than all else of a write. */
function fractions(bytes: Uint8Array): () => number {
  let at = 0;
  return () => {
    const byte = bytes[at++];
    assert(byte !== undefined, "more random characters in a ULID than there are");
    return byte / 0x100;
  };
}
