import { clone, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";

/**
 * The same bytes for the same message, however it came: maps in order of key, without unknown fields. `isLeftOut` says which
 * of the message's own fields do not count.
 */
export function canonicalBytes(
  desc: DescMessage,
  message: Message,
  isLeftOut: (field: DescMessage["fields"][number]) => boolean,
): Uint8Array {
  const copy = clone(desc, message);
  const view = reflect(desc, copy);
  for (const field of desc.fields) if (isLeftOut(field)) view.clear(field);
  sortMaps(view);
  return toBinary(desc, copy, { writeUnknownFields: false });
}

function sortMaps(view: ReflectMessage): void {
  for (const field of view.fields) {
    if (!view.isSet(field)) continue;
    switch (field.fieldKind) {
      case "message":
        sortMaps(view.get(field));
        break;
      case "list":
        if (field.listKind === "message") {
          for (const item of view.get(field)) sortMaps(item as ReflectMessage);
        }
        break;
      case "map": {
        const map = view.get(field);
        const entries = [...map].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
        map.clear();
        for (const [key, value] of entries) map.set(key, value);
        break;
      }
      case "scalar":
      case "enum":
        break;
    }
  }
}
