import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";

/** Unicode's Cc, but for tabs and line breaks. */
const CONTROL = /(?![\t\n\r])\p{Cc}/u;

/**
 * Where a text of a message has a character that does something instead of being one, as a path such as `event.title`; undefined
 * if none has. Those end texts for one reader and not for another, and speak to the terminals of whoever reads them.
 */
export function findControlCharacter(schema: DescMessage, message: Message): string | undefined {
  // Nearly no message has any, and to ask the descriptors costs more than all other checks together.
  return hasControl(message) ? findIn(reflect(schema, message)) : undefined;
}

function hasControl(value: unknown): boolean {
  if (typeof value === "string") return CONTROL.test(value);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  if (Array.isArray(value)) return value.some(hasControl);
  return Object.entries(value).some(([key, part]) => CONTROL.test(key) || hasControl(part));
}

function findIn(message: ReflectMessage): string | undefined {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const found = findInField(message, field);
    if (found !== undefined) return `${field.name}${found}`;
  }
  return undefined;
}

/** What follows the field's name in the path. */
function findInField(message: ReflectMessage, field: DescField): string | undefined {
  switch (field.fieldKind) {
    case "scalar":
      return hasControl(message.get(field)) ? "" : undefined;
    case "message":
      return after(".", findIn(message.get(field)));
    case "list":
      for (const [i, item] of [...message.get(field)].entries()) {
        const found = findInItem(field.listKind === "message", item);
        if (found !== undefined) return `[${i}]${found}`;
      }
      return undefined;
    case "map":
      for (const [key, item] of message.get(field)) {
        if (hasControl(key)) return "";
        const found = findInItem(field.mapKind === "message", item);
        if (found !== undefined) return `[${JSON.stringify(key)}]${found}`;
      }
      return undefined;
    case "enum":
      return undefined;
  }
}

function findInItem(isMessage: boolean, item: unknown): string | undefined {
  if (!isMessage) return hasControl(item) ? "" : undefined;
  return after(".", findIn(item as ReflectMessage));
}

const after = (sign: string, path: string | undefined): string | undefined =>
  path === undefined ? undefined : `${sign}${path}`;
