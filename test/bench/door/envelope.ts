export const HEAD_BYTES = 5;

/** A message as gRPC and gRPC-Web have it: a byte of flags and four of length before it. */
export function envelope(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(flags);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}
