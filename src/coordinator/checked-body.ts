import type { DescMessage } from "@bufbuild/protobuf";
import {
  encodeEnvelope,
  envelopeDecompress,
  readAllBytes,
  transformSplitEnvelope,
} from "@connectrpc/connect/protocol";
import { decodeRequest } from "../wire/index.js";
import { COMPRESSIONS } from "./compressions.js";
import type { Protocol } from "./protocol.js";

/** Of the flags of an envelope: the one that Connect's clients end a stream with, whose content is not a message. */
const END_STREAM_FLAG = 0b10;

/**
 * The body of a request, whose messages have been decompressed and decoded once before Connect sees them: it throws our
 * refusal of what cannot be decoded, where Connect would tell the parser's. The headers that announce a compression
 * that was undone are taken off; of one that is not known nothing is touched, and Connect refuses it.
 */
export function checkedBody(
  body: AsyncIterable<Uint8Array>,
  header: Headers,
  input: DescMessage,
  protocol: Protocol,
  bytesMax: number,
): AsyncIterable<Uint8Array> {
  const encoding = header.get(protocol.compressionHeader) ?? "identity";
  const compression = COMPRESSIONS.find(({ name }) => name === encoding);
  if (compression === undefined && encoding !== "identity") return body;
  const check = (message: Uint8Array): void => {
    decodeRequest(input, message, protocol.format);
  };
  if (protocol.enveloped) return checkedEnvelopes(body, compression ?? null, check, bytesMax);
  const length = header.get("content-length");
  if (compression !== undefined) {
    header.delete(protocol.compressionHeader);
    header.delete("content-length");
  }
  return checkedMessage(body, length, compression, check, bytesMax);
}

type Compression = (typeof COMPRESSIONS)[number];
type Check = (message: Uint8Array) => void;

async function* checkedMessage(
  body: AsyncIterable<Uint8Array>,
  length: string | null,
  compression: Compression | undefined,
  check: Check,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  const bytes = await readAllBytes(body, bytesMax, length);
  const message = compression === undefined ? bytes : await compression.decompress(bytes, bytesMax);
  check(message);
  yield message;
}

async function* checkedEnvelopes(
  body: AsyncIterable<Uint8Array>,
  compression: Compression | null,
  check: Check,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  for await (const envelope of transformSplitEnvelope(bytesMax)(body)) {
    const { flags, data } = await envelopeDecompress(envelope, compression, bytesMax);
    if ((flags & END_STREAM_FLAG) === 0) check(data);
    yield encodeEnvelope(flags, data);
  }
}
