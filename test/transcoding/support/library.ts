import { create, createFileRegistry, setExtension, type DescMethod } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
  file_google_protobuf_field_mask,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { http } from "../../../gen/google/api/annotations_pb.js";
import { HttpRuleSchema } from "../../../gen/google/api/http_pb.js";
import { readBindings, type Binding } from "../../../src/transcoding/index.js";

type FieldInit = [name: string, type: Type, typeName?: string | undefined, repeated?: boolean];

const message = (name: string, fields: readonly FieldInit[]) =>
  create(DescriptorProtoSchema, {
    name,
    field: fields.map(([fieldName, type, typeName, repeated = false], index) => ({
      name: fieldName,
      // A compiler of protos writes this; no runtime does.
      jsonName: fieldName.replaceAll(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase()),
      number: index + 1,
      type,
      label: repeated ? Label.REPEATED : Label.OPTIONAL,
      ...(typeName === undefined ? {} : { typeName }),
    })),
  });

const text = (name: string): FieldInit => [name, Type.STRING];
const wellKnown = (name: string, type: string): FieldInit => [
  name,
  Type.MESSAGE,
  `.google.protobuf.${type}`,
];

const BOOK = message("Book", [
  text("name"),
  text("title"),
  text("etag"),
  ["genre", Type.ENUM, ".library.Genre"],
  ["author", Type.MESSAGE, ".library.Author"],
  ["tags", Type.STRING, undefined, true],
]);
const AUTHOR = message("Author", [text("name"), ["born", Type.INT32]]);
const CALL = message("Call", [
  text("name"),
  text("parent"),
  ["book", Type.MESSAGE, ".library.Book"],
  ["page_size", Type.INT32],
  ["deep", Type.BOOL],
  ["genre", Type.ENUM, ".library.Genre"],
  ["tags", Type.STRING, undefined, true],
  ["copies", Type.INT64],
  ["price", Type.DOUBLE],
  ["cover", Type.BYTES],
  wellKnown("since", "Timestamp"),
  wellKnown("update_mask", "FieldMask"),
  wellKnown("lent", "BoolValue"),
  ["genres", Type.ENUM, ".library.Genre", true],
  text("request_id"),
  text("position"),
]);
const SHELF = message("Shelf", [
  ["books", Type.MESSAGE, ".library.Book", true],
  ["first", Type.MESSAGE, ".library.Book"],
  text("position"),
]);

/** A method `library.Library.M` of a Call with this rule, whose response is a Shelf or a Book. */
export function methodWith(
  rule: MessageInitShape<typeof HttpRuleSchema> | undefined,
  options: { readonly output?: "Book" | "Shelf"; readonly streams?: boolean } = {},
): DescMethod {
  const { output = "Book", streams = false } = options;
  const methodOptions = create(MethodOptionsSchema);
  if (rule !== undefined) setExtension(methodOptions, http, create(HttpRuleSchema, rule));
  const file = create(FileDescriptorProtoSchema, {
    name: "library.proto",
    package: "library",
    syntax: "proto3",
    dependency: ["timestamp", "field_mask", "wrappers"].map(
      (name) => `google/protobuf/${name}.proto`,
    ),
    messageType: [BOOK, AUTHOR, CALL, SHELF],
    enumType: [
      {
        name: "Genre",
        value: [
          { name: "GENRE_UNSPECIFIED", number: 0 },
          { name: "GENRE_POETRY", number: 1 },
        ],
      },
    ],
    service: [
      {
        name: "Library",
        method: [
          create(MethodDescriptorProtoSchema, {
            name: "M",
            inputType: ".library.Call",
            outputType: `.library.${output}`,
            serverStreaming: streams,
            options: methodOptions,
          }),
        ],
      },
    ],
  });
  const imports = [
    file_google_protobuf_timestamp,
    file_google_protobuf_field_mask,
    file_google_protobuf_wrappers,
  ];
  const set = create(FileDescriptorSetSchema, {
    file: [...imports.map(({ proto }) => proto), file],
  });
  const [found] = createFileRegistry(set).getService("library.Library")?.methods ?? [];
  if (found === undefined) throw new Error("the library has no method");
  return found;
}

export function bindingWith(...args: Parameters<typeof methodWith>): Binding {
  const [binding] = readBindings(methodWith(...args));
  if (binding === undefined) throw new Error("the rule gives no binding");
  return binding;
}
