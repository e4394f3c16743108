import { ChangeSchema, ToReaders } from "../../../gen/cabildo/store/v1/commands_pb.js";
import { Visibility } from "../../../gen/cabildo/store/v1/resources_pb.js";
import type { Change } from "../../domain/index.js";
import { toSafeInteger } from "../int64.js";
import { decode, required } from "./decoding.js";
import { CHANGE_KIND, TO_READERS, VISIBILITY } from "./enums.js";
import { encodeResource, fromResource } from "./resources.js";
import { WRITER } from "./writer.js";

const FIELD = ChangeSchema.field;

export function encodeChange(change: Change): Uint8Array {
  const resource = encodeResource(change.resource);
  const { toReaders, formerly = [], defaultVisibility } = change;
  const writer = WRITER.start()
    .uint32(FIELD.kind.number, CHANGE_KIND.encode(change.kind))
    .text(FIELD.channel.number, change.channel)
    .texts(FIELD.audience.number, change.audience)
    .text(FIELD.resourceName.number, change.resourceName)
    .int64(FIELD.revision.number, change.revision)
    .message(FIELD.resource.number, resource);
  if (toReaders !== undefined) {
    writer.uint32(FIELD.toReaders.number, TO_READERS.encode(toReaders));
  }
  writer.texts(FIELD.formerly.number, formerly);
  if (defaultVisibility !== undefined) {
    writer.uint32(FIELD.defaultVisibility.number, VISIBILITY.encode(defaultVisibility));
  }
  return writer.finish();
}

export function decodeChange(bytes: Uint8Array): Change {
  return decode(ChangeSchema, bytes, "corrupt-storage", (message) => ({
    kind: CHANGE_KIND.decode(message.kind),
    channel: message.channel,
    audience: message.audience,
    resourceName: message.resourceName,
    revision: toSafeInteger(message.revision),
    resource: fromResource(required(message.resource, "resource")),
    ...(message.toReaders === ToReaders.UNSPECIFIED
      ? {}
      : { toReaders: TO_READERS.decode(message.toReaders), formerly: message.formerly }),
    ...(message.defaultVisibility === Visibility.UNSPECIFIED
      ? {}
      : { defaultVisibility: VISIBILITY.decode(message.defaultVisibility) }),
  }));
}
