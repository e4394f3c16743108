import { isId } from "../policy/index.js";

const ID_CHARS_MAX = 63;

/** An id that resembles what somebody typed: without accents, spaces and capitals. Undefined where nothing is left of it. */
export function proposeId(text: string): string | undefined {
  const plain = text
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, ID_CHARS_MAX)
    .replace(/-+$/, "");
  return isId(plain) ? plain : undefined;
}
