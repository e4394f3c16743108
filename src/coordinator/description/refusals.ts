import { getOption, type DescMethod, type JsonObject } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Audience, authorization } from "../../../gen/cabildo/v1/options_pb.js";
import { ClusterError, ERRORS, isErrorCode, type ErrorCode } from "../../base/index.js";
import { toRestError } from "../../wire/index.js";

/** What no caller at this door is ever told. */
const INSIDE: readonly ErrorCode[] = ["not-leader", "wrong-shard", "canceled"];
const PRECONDITION_FAILED = 412;
/** What may happen to any call; the last one may happen everywhere and is told by `default`. */
const ANY_CALL = [400, 413, 429, 503, 504];
const WITH_TOKEN = [401, 403, 404];

/** As AIP-193 has it, and docs/ERRORS.md. */
export const REFUSAL_SCHEMAS: Readonly<Record<string, JsonObject>> = {
  Refusal: {
    type: "object",
    description: "Why a call was refused, in words that say what to do next.",
    required: ["error"],
    properties: {
      error: {
        type: "object",
        required: ["code", "status", "message"],
        properties: {
          code: { type: "integer", description: "The status of HTTP." },
          status: { type: "string", description: "The code of gRPC, such as `NOT_FOUND`." },
          message: { type: "string" },
          details: {
            type: "array",
            description:
              "Messages of google.rpc: exactly one ErrorInfo, whose reason is for programs; " +
              "BadRequest with the fields at fault; RetryInfo where the same call may succeed later.",
            items: {
              type: "object",
              required: ["@type"],
              properties: { "@type": { type: "string" } },
              additionalProperties: true,
            },
          },
        },
      },
    },
  },
};

/** One response for each status that refusals have, and one for all others. */
export const REFUSAL_RESPONSES: Readonly<Record<string, JsonObject>> = {
  ...Object.fromEntries(
    [...byStatus()].map(([status, codes]) => [nameOf(status), response(codes)] as const),
  ),
  Refused: response(["internal"]),
};

/** Names of the responses above, by status. */
export function refusalsOf(method: DescMethod): Readonly<Record<string, string>> {
  const hasEtag = method.input.fields.some(
    ({ name, message }) => name === "etag" || message?.fields.some((one) => one.name === "etag"),
  );
  const isRead = method.idempotency === IdempotencyLevel.NO_SIDE_EFFECTS;
  const statuses = [
    ...ANY_CALL,
    ...(isPublic(method) ? [401] : WITH_TOKEN),
    ...(isRead ? [410] : [409]),
    ...(hasEtag ? [PRECONDITION_FAILED] : []),
  ];
  return {
    ...Object.fromEntries(statuses.map((status) => [String(status), nameOf(status)])),
    default: "Refused",
  };
}

/** Whether it is called without a token. */
export function isPublic(method: DescMethod): boolean {
  return getOption(method, authorization).audience === Audience.PUBLIC;
}

function byStatus(): ReadonlyMap<number, readonly ErrorCode[]> {
  const codes = Object.keys(ERRORS).filter(isErrorCode);
  const statuses = new Map<number, ErrorCode[]>([[PRECONDITION_FAILED, ["stale-etag"]]]);
  for (const code of codes.filter((one) => !INSIDE.includes(one))) {
    const { httpStatus } = ERRORS[code];
    statuses.set(httpStatus, [...(statuses.get(httpStatus) ?? []), code]);
  }
  return new Map(
    [...statuses].filter(([status]) =>
      [...ANY_CALL, ...WITH_TOKEN, 409, 410, PRECONDITION_FAILED].includes(status),
    ),
  );
}

function response(codes: readonly ErrorCode[]): JsonObject {
  const [first = "internal"] = codes;
  const { json } = toRestError(new ClusterError(first, "what happened, and what to do next"));
  return {
    description: `Refused: ${codes.map((code) => ERRORS[code].reason).join(", ")}.`,
    content: {
      "application/json": {
        schema: { $ref: "#/components/schemas/Refusal" },
        example: json,
      },
    },
  };
}

function nameOf(status: number): string {
  return `Refused${status}`;
}
