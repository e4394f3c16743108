/** UUIDv7 (RFC 9562): sorts by time, and tells it. `random` are 16 bytes that nobody can guess. */
export function uuidV7(timeMs: number, random: Uint8Array): string {
  const hex = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const time = timeMs.toString(16).padStart(12, "0");
  const variant = (0x8 | (Number.parseInt(hex.slice(16, 17), 16) & 0x3)).toString(16);
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
