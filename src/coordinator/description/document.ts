import type { DescService, JsonObject } from "@bufbuild/protobuf";
import { COMMENTS } from "../../../gen/cabildo/v1/comments.js";
import { describeApi } from "../../openapi/index.js";
import { EXAMPLES, PARAMETER_EXAMPLES } from "./examples.js";
import { headersOf } from "./headers.js";
import { isPublic, REFUSAL_RESPONSES, REFUSAL_SCHEMAS, refusalsOf } from "./refusals.js";

const INFO = {
  title: "Cabildo",
  version: "v1",
  description:
    "A shared agenda that keeps working when machines die. The same methods are served over gRPC, gRPC-Web and Connect " +
    "at this port. Log in by `POST /v1/auth:login`, and send its `accessToken` as `authorization: Bearer ...`.",
  license: { name: "Apache License 2.0", identifier: "Apache-2.0" },
};
const SECURITY_SCHEMES = {
  accessToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "The `accessToken` of a login; good for some minutes, then refresh it.",
  },
};

/** The public API over plain HTTP, as OpenAPI 3.1. */
export function describePublicApi(services: readonly DescService[]): JsonObject {
  return describeApi({
    services,
    info: INFO,
    comments: COMMENTS,
    examples: EXAMPLES,
    parameterExamples: PARAMETER_EXAMPLES,
    securitySchemes: SECURITY_SCHEMES,
    isPublic,
    headers: headersOf,
    refusalSchemas: REFUSAL_SCHEMAS,
    refusalResponses: REFUSAL_RESPONSES,
    refusals: refusalsOf,
  });
}
