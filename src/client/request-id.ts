const ID_BYTES = 16;
const TIME_BYTES = 6;

/** A UUIDv7 (RFC 9562, 5.7): the server reads from its time whether an id is too old to be known still. */
export function newRequestId(nowMs = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  let rest = nowMs;
  for (let i = TIME_BYTES - 1; i >= 0; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5");
}
