import {
  getOption,
  hasOption,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { oneof as oneofRules } from "../../gen/buf/validate/validate_pb.js";
import { isReadOnly, isRequired, isWriteOnly } from "./behavior.js";
import { findRules, sizeConstraints, valueConstraints } from "./constraints.js";
import type { Texts } from "./texts.js";
import { scalarSchema, wellKnownSchema } from "./value-schema.js";

/**
 * A request must have what is required. An answer leaves out whatever is empty (proto3 JSON): nothing is required of it.
 */
export type Use = "request" | "response";

export interface SchemasOptions {
  readonly texts: Texts;
  /** By full name of the message. */
  readonly examples: Readonly<Record<string, JsonValue>>;
  /** The messages that answers are made of. */
  readonly answered: Iterable<DescMessage>;
}

/** The schemas of messages and enumerations, each described once and referred to by name. */
export class Schemas {
  readonly components: Record<string, JsonObject> = {};
  readonly #options: SchemasOptions;
  readonly #answered = new Set<DescMessage>();
  readonly #owners = new Map<string, DescMessage | DescEnum>();

  constructor(options: SchemasOptions) {
    this.#options = options;
    for (const message of options.answered) collect(message, this.#answered);
  }

  message(message: DescMessage, use: Use): JsonObject {
    const known = wellKnownSchema(message.typeName);
    if (known !== undefined) return known;
    const twofold = use === "request" && this.#answered.has(message) && requiresAny(message);
    const name = `${this.#nameOf(message)}${twofold ? "Input" : ""}`;
    if (this.components[name] === undefined) {
      // There before it is complete: a message may hold itself.
      this.components[name] = {};
      this.components[name] = this.#describe(message, use);
    }
    return reference(name);
  }

  /** The value of a field, or one item of a list if `use` is of an item. */
  field(field: DescField, use: Use): JsonObject {
    const { texts } = this.#options;
    const rules = findRules(field);
    const own = {
      ...texts.description(field),
      ...(isReadOnly(field) ? { readOnly: true } : {}),
      ...(isWriteOnly(field) ? { writeOnly: true } : {}),
      ...(field.deprecated ? { deprecated: true } : {}),
    };
    const size = rules === undefined ? {} : sizeConstraints(rules);
    switch (field.fieldKind) {
      case "list": {
        const items = rules?.type.case === "repeated" ? rules.type.value.items : undefined;
        const constraints = items === undefined ? {} : valueConstraints(items);
        const item = { ...this.#single(field, use), ...constraints };
        return { type: "array", items: item, ...size, ...own };
      }
      case "map": {
        const { keys, values } = rules?.type.case === "map" ? rules.type.value : {};
        const value = { ...this.#single(field, use), ...(values && valueConstraints(values)) };
        const named = keys === undefined ? {} : { propertyNames: valueConstraints(keys) };
        return { type: "object", additionalProperties: value, ...named, ...size, ...own };
      }
      default: {
        const constraints = rules === undefined ? {} : valueConstraints(rules);
        return { ...this.#single(field, use), ...constraints, ...own };
      }
    }
  }

  /** An object of some fields of a message. */
  object(fields: readonly DescField[], oneofs: readonly DescOneof[], use: Use): JsonObject {
    const required = use === "request" ? fields.filter(isRequired) : [];
    return {
      type: "object",
      properties: Object.fromEntries(
        fields.map((field) => [field.jsonName, this.field(field, use)]),
      ),
      ...(required.length === 0 ? {} : { required: required.map(({ jsonName }) => jsonName) }),
      ...choices(oneofs, use),
    };
  }

  #single(field: DescField, use: Use): JsonObject {
    if (field.message !== undefined) return this.message(field.message, use);
    if (field.enum !== undefined) return this.#enumeration(field.enum);
    return scalarSchema(field.scalar);
  }

  #enumeration(desc: DescEnum): JsonObject {
    const name = this.#nameOf(desc);
    const { texts } = this.#options;
    const lines = desc.values.flatMap((value) => {
      const text = texts.find(value);
      return text === undefined ? [] : [`* \`${value.name}\`: ${text}`];
    });
    this.components[name] ??= {
      type: "string",
      enum: desc.values.map((value) => value.name),
      ...texts.description(desc, lines.join("\n")),
    };
    return reference(name);
  }

  #describe(message: DescMessage, use: Use): JsonObject {
    const example = this.#options.examples[message.typeName];
    return {
      ...this.object(message.fields, message.oneofs, use),
      ...this.#options.texts.description(message),
      ...(example === undefined ? {} : { examples: [example] }),
    };
  }

  /** Without its package, where no other one has that name. */
  #nameOf(desc: DescMessage | DescEnum): string {
    const short = desc.typeName.slice(desc.file.proto.package.length).replace(/^\./u, "");
    const owner = this.#owners.get(short) ?? desc;
    this.#owners.set(short, owner);
    return owner === desc ? short : desc.typeName;
  }
}

/** At most one of the fields of each; one at least where a request must choose. */
function choices(oneofs: readonly DescOneof[], use: Use): JsonObject {
  const apart = oneofs.flatMap(({ fields }) => {
    const names = fields.map(({ jsonName }) => jsonName);
    return names.slice(0, -1).map((name, at) => {
      const others = names.slice(at + 1).map((other) => [other, false] as const);
      return [name, { properties: Object.fromEntries(others) }] as const;
    });
  });
  const musts = use === "request" ? oneofs.filter(mustChoose) : [];
  const one = musts.map(({ fields }) => ({
    anyOf: fields.map(({ jsonName }) => ({ required: [jsonName] })),
  }));
  return {
    ...(apart.length === 0 ? {} : { dependentSchemas: Object.fromEntries(apart) }),
    ...(one.length === 0 ? {} : { allOf: one }),
  };
}

function mustChoose(oneof: DescOneof): boolean {
  return hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required;
}

function collect(message: DescMessage, found: Set<DescMessage>): void {
  if (found.has(message)) return;
  found.add(message);
  for (const field of message.fields) {
    if (field.message !== undefined) collect(field.message, found);
  }
}

/** Whether a request must set anything in it, at any depth. */
function requiresAny(message: DescMessage): boolean {
  const parts = new Set<DescMessage>();
  collect(message, parts);
  return [...parts].some(
    ({ fields, oneofs }) => fields.some(isRequired) || oneofs.some(mustChoose),
  );
}

const reference = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });
