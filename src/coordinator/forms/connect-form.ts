import type { JsonObject, Message } from "@bufbuild/protobuf";
import { codeToHttpStatus, errorToJson } from "@connectrpc/connect/protocol-connect";
import type { ClusterError } from "../../base/index.js";
import { decodeRequest, ERROR_DETAILS, toConnectError } from "../../wire/index.js";
import type { Answer } from "../exchange.js";
import { encodeResponse } from "./encode-response.js";
import { sealEnvelope } from "./envelope.js";
import type { Form } from "./form.js";
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

  answer(response: Message): Answer {
    const { method, format, contentType, responseBytesMax } = this.#options;
    const body = encodeResponse(method.output, response, format, responseBytesMax);
    return { status: 200, headers: { "content-type": contentType }, body };
  }

  refuse(failure: ClusterError): Answer {
    const headers = { "content-type": "application/json" };
    const body = Buffer.from(JSON.stringify(connectRefusal(failure)));
    return { status: codeToHttpStatus(toConnectError(failure).code), headers, body };
  }
}

export function connectRefusal(failure: ClusterError): JsonObject {
  return errorToJson(toConnectError(failure), READABLE);
}

/** A refusal before the first message of a stream of Connect: its status is fine, and its end tells. */
export function refuseConnectStream(contentType: string, failure: ClusterError): Answer {
  const end = { error: connectRefusal(failure) };
  const body = sealEnvelope(Buffer.from(JSON.stringify(end)), END_STREAM_FLAG);
  return { status: 200, headers: { "content-type": contentType }, body };
}
