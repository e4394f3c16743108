import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { MAX_STALENESS_HEADER } from "../max-staleness.js";
import { isPublic } from "./refusals.js";

const MAX_STALENESS: JsonObject = {
  name: MAX_STALENESS_HEADER,
  in: "header",
  description:
    "How old the answer may be, up to 60s: any replica that is sure to be no older gives it, also while nobody leads. " +
    "Without it the answer is of now.",
  schema: { type: "string", pattern: "^\\d{1,2}(\\.\\d{1,3})?s$" },
  example: "2.5s",
};

/** What reads may be told besides their request. */
export function headersOf(method: DescMethod): readonly JsonObject[] {
  const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return isRead && !isPublic(method) ? [MAX_STALENESS] : [];
}
