import { sha256Hex } from "../auth/index.js";
import { isId } from "../policy/index.js";

const ID_CHARS_MAX = 63;
const DIGEST_CHARS = 6;

/**
 * An id that resembles what somebody typed, or the first of what else they are called by that leaves something of Latin letters:
 * without accents, spaces and capitals. Where none does, one that is made from the first.
 */
export function proposeId(typed: string, ...others: readonly string[]): string {
  const plain = [typed, ...others].map(simplified).find(isId);
  return plain ?? `user-${sha256Hex(typed).slice(0, DIGEST_CHARS)}`;
}

function simplified(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, ID_CHARS_MAX)
    .replace(/-+$/, "");
}
