import type { DescMethod, Message } from "@bufbuild/protobuf";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { decodeRequest, toConnectError } from "../../wire/index.js";
import type { Answer } from "../exchange.js";
import { encodeResponse } from "./encode-response.js";
import { ENVELOPE_HEAD_BYTES, openEnvelope, sealEnvelope } from "./envelope.js";
import { headersOf, type SentMetadata } from "../exchange-metadata.js";
import type { Form, Refusal } from "./form.js";

const EMPTY = new Uint8Array(0);
const OK = { "grpc-status": "0" };
const OK_FRAME = sealTrailer(OK);

export interface RpcFormOptions {
  readonly method: DescMethod;
  readonly format: "binary" | "json";
  /** Of the request, and so of the answer. */
  readonly contentType: string;
  readonly requestBytesMax: number;
  readonly responseBytesMax: number;
}

/** gRPC: how the call ended stands in the trailers; a refusal has no body, and its headers are its trailers. */
export class GrpcForm implements Form {
  readonly protocol = "grpc";
  readonly bodyBytesMax: number;
  readonly #options: RpcFormOptions;

  constructor(options: RpcFormOptions) {
    this.#options = options;
    this.bodyBytesMax = options.requestBytesMax + ENVELOPE_HEAD_BYTES;
  }

  decode(body: Uint8Array): Message {
    const { method, format, requestBytesMax } = this.#options;
    return decodeRequest(method.input, openEnvelope(body, requestBytesMax), format);
  }

  answer(response: Message, sent?: SentMetadata): Answer {
    const { method, format, contentType, responseBytesMax } = this.#options;
    const message = encodeResponse(method.output, response, format, responseBytesMax);
    const headers = { ...headersOf(sent?.header), "content-type": contentType };
    const trailers = sent === undefined ? OK : { ...headersOf(sent.trailer), ...OK };
    return { status: 200, headers, body: sealEnvelope(message), trailers };
  }

  refuse(failure: Refusal, sent?: SentMetadata): Answer {
    const type = { "content-type": this.#options.contentType };
    const status = statusOf(failure);
    if (sent === undefined) return { status: 200, headers: { ...type, ...status }, body: EMPTY };
    const trailers = { ...headersOf(sent.trailer), ...status };
    return { status: 200, headers: { ...headersOf(sent.header), ...type }, body: EMPTY, trailers };
  }
}

/** gRPC-Web: the same, with the trailers in a frame of the body, where browsers can read them. */
export class GrpcWebForm implements Form {
  readonly protocol = "grpc-web";
  readonly bodyBytesMax: number;
  readonly #options: RpcFormOptions;

  constructor(options: RpcFormOptions) {
    this.#options = options;
    this.bodyBytesMax = options.requestBytesMax + ENVELOPE_HEAD_BYTES;
  }

  decode(body: Uint8Array): Message {
    const { method, format, requestBytesMax } = this.#options;
    return decodeRequest(method.input, openEnvelope(body, requestBytesMax), format);
  }

  answer(response: Message, sent?: SentMetadata): Answer {
    const { method, format, responseBytesMax } = this.#options;
    const message = encodeResponse(method.output, response, format, responseBytesMax);
    const end = sent === undefined ? OK_FRAME : sealTrailer({ ...headersOf(sent.trailer), ...OK });
    return this.#with(Buffer.concat([sealEnvelope(message), end]), sent);
  }

  refuse(failure: Refusal, sent?: SentMetadata): Answer {
    return this.#with(sealTrailer({ ...headersOf(sent?.trailer), ...statusOf(failure) }), sent);
  }

  #with(body: Uint8Array, sent: SentMetadata | undefined): Answer {
    const type = { "content-type": this.#options.contentType };
    return { status: 200, headers: { ...headersOf(sent?.header), ...type }, body };
  }
}

function sealTrailer(trailer: Readonly<Record<string, string>>): Buffer {
  return sealEnvelope(trailerSerialize(new Headers(trailer)), trailerFlag);
}

function statusOf(failure: Refusal): Readonly<Record<string, string>> {
  return Object.fromEntries(setTrailerStatus(new Headers(), toConnectError(failure)));
}
