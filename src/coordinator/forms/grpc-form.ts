import type { DescMethod, Message } from "@bufbuild/protobuf";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import type { ClusterError } from "../../base/index.js";
import { decodeRequest, toConnectError } from "../../wire/index.js";
import type { Answer } from "../exchange.js";
import { encodeResponse } from "./encode-response.js";
import { ENVELOPE_HEAD_BYTES, openEnvelope, sealEnvelope } from "./envelope.js";
import type { Form } from "./form.js";

const EMPTY = new Uint8Array(0);
const OK = { "grpc-status": "0" };
const OK_FRAME = sealEnvelope(trailerSerialize(new Headers(OK)), trailerFlag);

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

  answer(response: Message): Answer {
    const { method, format, contentType, responseBytesMax } = this.#options;
    const message = encodeResponse(method.output, response, format, responseBytesMax);
    const headers = { "content-type": contentType };
    return { status: 200, headers, body: sealEnvelope(message), trailers: OK };
  }

  refuse(failure: ClusterError): Answer {
    const headers = { "content-type": this.#options.contentType, ...statusOf(failure) };
    return { status: 200, headers, body: EMPTY };
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

  answer(response: Message): Answer {
    const { method, format, responseBytesMax } = this.#options;
    const message = encodeResponse(method.output, response, format, responseBytesMax);
    return this.#with(Buffer.concat([sealEnvelope(message), OK_FRAME]));
  }

  refuse(failure: ClusterError): Answer {
    const trailer = trailerSerialize(new Headers(statusOf(failure)));
    return this.#with(sealEnvelope(trailer, trailerFlag));
  }

  #with(body: Uint8Array): Answer {
    return { status: 200, headers: { "content-type": this.#options.contentType }, body };
  }
}

function statusOf(failure: ClusterError): Readonly<Record<string, string>> {
  return Object.fromEntries(setTrailerStatus(new Headers(), toConnectError(failure)));
}
