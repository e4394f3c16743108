import type { DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";

/** Leaves out the fields of these names, also of the messages within a message. */
export function clearFields(desc: DescMessage, message: Message, names: ReadonlySet<string>): void {
  clearIn(reflect(desc, message), names);
}

function clearIn(view: ReflectMessage, names: ReadonlySet<string>): void {
  for (const field of view.fields) {
    if (!view.isSet(field)) continue;
    if (names.has(field.name)) view.clear(field);
    else if (field.fieldKind === "message") clearIn(view.get(field), names);
    else if (field.fieldKind === "list" && field.listKind === "message") {
      for (const item of view.get(field)) clearIn(item as ReflectMessage, names);
    }
  }
}
