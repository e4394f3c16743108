import { toBinary } from "@bufbuild/protobuf";
import { ChangeSchema } from "../../../gen/cabildo/store/v1/commands_pb.js";
import type { Change } from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { decode, required } from "./decoding.js";
import { CHANGE_KIND } from "./enums.js";
import { fromResource, toResource } from "./resources.js";

export function encodeChange(change: Change): Uint8Array {
  return toBinary(ChangeSchema, {
    $typeName: "cabildo.store.v1.Change",
    kind: CHANGE_KIND.encode(change.kind),
    channel: change.channel,
    audience: [...change.audience],
    resourceName: change.resourceName,
    revision: toInt64(change.revision),
    resource: toResource(change.resource),
  });
}

export function decodeChange(bytes: Uint8Array): Change {
  return decode(ChangeSchema, bytes, "corrupt-storage", (message) => ({
    kind: CHANGE_KIND.decode(message.kind),
    channel: message.channel,
    audience: message.audience,
    resourceName: message.resourceName,
    revision: toSafeInteger(message.revision),
    resource: fromResource(required(message.resource, "resource")),
  }));
}
