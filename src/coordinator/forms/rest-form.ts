import type { Message } from "@bufbuild/protobuf";
import { ClusterError } from "../../base/index.js";
import {
  entityTag,
  isTagAmong,
  toRequestJson,
  toResponseJson,
  type Binding,
  type RequestParts,
} from "../../transcoding/index.js";
import { decodeJson, parseJson, toRestError } from "../../wire/index.js";
import type { Answer } from "../exchange.js";
import type { CoordinatorLimits } from "../limits.js";
import { encodeJson } from "./encode-response.js";
import type { Form, Refusal } from "./form.js";

const EMPTY = new Uint8Array(0);
const JSON_TYPE = { "content-type": "application/json" };
const PRECONDITION_FAILED = 412;

/** Plain HTTP with JSON, by the rule of the method: made for one request. */
export class RestForm implements Form {
  readonly protocol = "rest";
  readonly #binding: Binding;
  readonly #parts: Omit<RequestParts, "body">;
  readonly bodyBytesMax: number;
  readonly #responseBytesMax: number;

  constructor(
    binding: Binding,
    parts: Omit<RequestParts, "body">,
    limits: Pick<CoordinatorLimits, "requestBytesMax" | "responseBytesMax">,
  ) {
    this.#binding = binding;
    this.#parts = parts;
    this.bodyBytesMax = limits.requestBytesMax;
    this.#responseBytesMax = limits.responseBytesMax;
  }

  decode(bytes: Uint8Array): Message {
    const body = bytes.byteLength === 0 ? undefined : parseJson(bytes);
    const made = toRequestJson(this.#binding, { ...this.#parts, body });
    if (made.kind === "json") return decodeJson(this.#binding.method.input, made.json);
    const { field, description } = made.fault;
    throw new ClusterError(
      "invalid-argument",
      `${field === "" ? "the body" : field} ${description}`,
      {
        violations: [{ field, description }],
        outcome: "not_applied",
      },
    );
  }

  answer(response: Message): Answer {
    const json = toResponseJson(this.#binding, response);
    const tag = entityTag(json);
    const isRead = this.#binding.httpMethod === "GET";
    const headers = {
      ...JSON_TYPE,
      "cache-control": isRead && tag !== undefined ? "private, no-cache" : "no-store",
      ...(tag === undefined ? {} : { etag: tag }),
    };
    const { ifNoneMatch } = this.#parts.headers;
    if (isRead && tag !== undefined && ifNoneMatch !== undefined && isTagAmong(ifNoneMatch, tag)) {
      return { status: 304, headers: { etag: tag }, body: EMPTY };
    }
    return { status: 200, headers, body: encodeJson(json, this.#responseBytesMax) };
  }

  refuse(failure: Refusal): Answer {
    return restRefusal(failure, {}, this.#parts.headers.ifMatch !== undefined);
  }
}

/**
 * A refusal over plain HTTP. What failed because of an If-Match is told as RFC 9110 has it; the body is the same as
 * everywhere.
 */
export function restRefusal(
  failure: Refusal,
  headers: Readonly<Record<string, string>> = {},
  isConditional = false,
): Answer {
  const { status, json, headers: told } = toRestError(failure);
  const code = isConditional && failure.code === "stale-etag" ? PRECONDITION_FAILED : status;
  return {
    status: code,
    headers: { ...JSON_TYPE, "cache-control": "no-store", ...told, ...headers },
    body: Buffer.from(`${JSON.stringify(json)}\n`),
  };
}
