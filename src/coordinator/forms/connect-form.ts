import type { JsonObject, Message } from "@bufbuild/protobuf";
import { codeToHttpStatus, errorToJson } from "@connectrpc/connect/protocol-connect";
import { decodeRequest, ERROR_DETAILS, toConnectError } from "../../wire/index.js";
import type { Answer } from "../exchange.js";
import { encodeResponse } from "./encode-response.js";
import { sealEnvelope } from "./envelope.js";
import { headersOf, type SentMetadata } from "../exchange-metadata.js";
import type { Form, Refusal } from "./form.js";
import type { RpcFormOptions } from "./grpc-form.js";

const END_STREAM_FLAG = 0b10;
const READABLE = { registry: ERROR_DETAILS };

/** Connect, unary: the body is the message, and a refusal is JSON whatever the message would have been. */
export class ConnectForm implements Form {
  readonly protocol = "connect";
  readonly bodyBytesMax: number;
  readonly #options: RpcFormOptions;

  constructor(options: RpcFormOptions) {
    this.#options = options;
    this.bodyBytesMax = options.requestBytesMax;
  }

  decode(body: Uint8Array): Message {
    return decodeRequest(this.#options.method.input, body, this.#options.format);
  }

  answer(response: Message, sent?: SentMetadata): Answer {
    const { method, format, contentType, responseBytesMax } = this.#options;
    const body = encodeResponse(method.output, response, format, responseBytesMax);
    return { status: 200, headers: { ...metadataOf(sent), "content-type": contentType }, body };
  }

  refuse(failure: Refusal, sent?: SentMetadata): Answer {
    const headers = { ...metadataOf(sent), "content-type": "application/json" };
    const body = Buffer.from(JSON.stringify(connectRefusal(failure)));
    return { status: codeToHttpStatus(toConnectError(failure).code), headers, body };
  }
}

/** Connect has no trailers in unary calls: they are headers of another name. */
function metadataOf(sent: SentMetadata | undefined): Readonly<Record<string, string>> {
  if (sent === undefined) return {};
  const trailers = [...sent.trailer].map(([name, value]) => [`trailer-${name}`, value] as const);
  return { ...headersOf(sent.header), ...Object.fromEntries(trailers) };
}

export function connectRefusal(failure: Refusal): JsonObject {
  return errorToJson(toConnectError(failure), READABLE);
}

/** A refusal before the first message of a stream of Connect: its status is fine, and its end tells. */
export function refuseConnectStream(contentType: string, failure: Refusal): Answer {
  const end = { error: connectRefusal(failure) };
  const body = sealEnvelope(Buffer.from(JSON.stringify(end)), END_STREAM_FLAG);
  return { status: 200, headers: { "content-type": contentType }, body };
}
