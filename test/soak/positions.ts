const HEADER_BYTES = 7;
const PLACE_BYTES = 14;
const MAC_BYTES = 16;

/** What a position says of each shard, by number. For clients it is opaque; a test may look. */
export function readPosition(text: string): ReadonlyMap<number, number> {
  const bytes = Buffer.from(text, "base64url");
  const places = new Map<number, number>();
  for (let at = HEADER_BYTES; at + PLACE_BYTES + MAC_BYTES <= bytes.length; at += PLACE_BYTES) {
    places.set(bytes.readUInt32BE(at), Number(bytes.readBigUInt64BE(at + 6)));
  }
  return places;
}

/** One that says something of a single shard, and that no server would take: nobody signed it. */
export function writePosition(shard: number, sequence: number): string {
  const bytes = Buffer.alloc(HEADER_BYTES + PLACE_BYTES + MAC_BYTES);
  bytes.writeUInt32BE(shard, HEADER_BYTES);
  bytes.writeBigUInt64BE(BigInt(sequence), HEADER_BYTES + 6);
  return bytes.toString("base64url");
}
