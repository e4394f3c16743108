import type { DescField, DescMessage, DescMethod, JsonObject } from "@bufbuild/protobuf";
import { findHeaderFields, isSingleValue, type Binding } from "../transcoding/index.js";
import { isReadOnly, isRequired } from "./behavior.js";
import { describePath } from "./path.js";
import type { Schemas } from "./schemas.js";
import type { Texts } from "./texts.js";

/** Messages in messages that a query may reach into. */
const QUERY_DEPTH_MAX = 3;

export interface OperationOptions {
  readonly schemas: Schemas;
  readonly texts: Texts;
  /** Values of parameters of a path, by name. */
  readonly parameterExamples: Readonly<Record<string, string>>;
  readonly isPublic: (method: DescMethod) => boolean;
  /** Headers that are no field of the request, as parameters of OpenAPI. */
  readonly headers: (method: DescMethod) => readonly JsonObject[];
  /** Names of responses among the components, by status. */
  readonly refusals: (method: DescMethod) => Readonly<Record<string, string>>;
}

export interface DescribedOperation {
  readonly path: string;
  /** In lower case. */
  readonly httpMethod: string;
  readonly operation: JsonObject;
}

/** One way of calling a method. `ordinal`: 0 for its rule, then its additional bindings. */
export function describeOperation(
  binding: Binding,
  ordinal: number,
  options: OperationOptions,
): DescribedOperation {
  const { method } = binding;
  const { texts, isPublic } = options;
  const { path, parameters } = describePath(binding);
  const inPath = parameters.map(({ name, schema }) => {
    const example = options.parameterExamples[name];
    const shown = example === undefined ? {} : { example };
    return { name, in: "path", required: true, schema, ...shown };
  });
  const all = [
    ...inPath,
    ...queryParameters(binding, options),
    ...headerParameters(binding),
    ...options.headers(method),
  ];
  const body = requestBody(binding, options);
  const operation: JsonObject = {
    operationId: `${method.parent.name}_${method.name}${ordinal === 0 ? "" : `_${ordinal + 1}`}`,
    summary: words(method.name),
    tags: [method.parent.name],
    ...texts.description(method),
    ...(method.deprecated ? { deprecated: true } : {}),
    ...(all.length === 0 ? {} : { parameters: all }),
    ...(body === undefined ? {} : { requestBody: body }),
    ...(isPublic(method) ? { security: [] } : {}),
    ...(method.methodKind === "server_streaming" ? { "x-stream": "server" } : {}),
    responses: responses(binding, options),
  };
  return { path, httpMethod: binding.httpMethod.toLowerCase(), operation };
}

function queryParameters(
  { method, body, variables }: Binding,
  { schemas, texts }: OperationOptions,
): readonly JsonObject[] {
  if (body.kind === "all") return [];
  const taken = new Set(variables.map((path) => path.map(({ jsonName }) => jsonName).join(".")));
  const parameters: JsonObject[] = [];
  const visit = (message: DescMessage, prefix: string, depth: number): void => {
    for (const field of message.fields) {
      const name = `${prefix}${field.jsonName}`;
      if (taken.has(name) || isReadOnly(field)) continue;
      if (body.kind === "field" && field === body.field) continue;
      if (isSingleValue(field)) {
        parameters.push({
          name,
          in: "query",
          ...(isRequired(field) && prefix === "" ? { required: true } : {}),
          ...texts.description(field),
          schema: withoutText(schemas.field(field, "request")),
        });
      } else if (field.fieldKind === "message" && depth < QUERY_DEPTH_MAX) {
        visit(field.message, `${name}.`, depth + 1);
      }
    }
  };
  visit(method.input, "", 1);
  return parameters;
}

function headerParameters(binding: Binding): readonly JsonObject[] {
  const { etag, requestId, position } = findHeaderFields(binding);
  const { method, httpMethod } = binding;
  const header = (name: string, description: string): JsonObject => ({
    name,
    in: "header",
    description,
    schema: { type: "string" },
  });
  const isRead = httpMethod === "GET" && method.methodKind === "unary";
  // What is created has no etag before.
  const isCreation = httpMethod === "POST" && binding.body.kind === "field";
  return [
    ...(etag === undefined || isRead || isCreation
      ? []
      : [header("If-Match", "Write only if this is still the etag; refused with 412 otherwise.")]),
    ...(isRead && hasEtag(method.output)
      ? [header("If-None-Match", "Answer 304 without a body if this is still the etag.")]
      : []),
    ...(requestId === undefined
      ? []
      : [header("Idempotency-Key", "Makes the call safe to repeat. Stands for `requestId`.")]),
    ...(position === undefined
      ? []
      : [header("Last-Event-ID", "Go on after this event. Stands for `position`.")]),
  ];
}

function requestBody(
  { method, body, variables }: Binding,
  { schemas }: OperationOptions,
): JsonObject | undefined {
  const json = (schema: JsonObject, required: boolean): JsonObject => ({
    required,
    content: { "application/json": { schema } },
  });
  switch (body.kind) {
    case "none":
      return undefined;
    case "field":
      return json(withoutText(schemas.field(body.field, "request")), isRequired(body.field));
    case "all": {
      const inPath = new Set<DescField | undefined>(
        variables.filter(({ length }) => length === 1).map(([field]) => field),
      );
      const fields = method.input.fields.filter((field) => !inPath.has(field));
      if (inPath.size === 0)
        return json(schemas.message(method.input, "request"), fields.some(isRequired));
      const oneofs = method.input.oneofs.filter((one) => one.fields.every((f) => !inPath.has(f)));
      return json(schemas.object(fields, oneofs, "request"), fields.some(isRequired));
    }
  }
}

function responses(binding: Binding, { schemas, refusals }: OperationOptions): JsonObject {
  const { method, responseBody, httpMethod } = binding;
  const schema =
    responseBody === undefined
      ? schemas.message(method.output, "response")
      : schemas.field(responseBody, "response");
  const refused = Object.entries(refusals(method)).map(
    ([status, name]) => [status, { $ref: `#/components/responses/${name}` }] as const,
  );
  const isStream = method.methodKind === "server_streaming";
  const tagged = responseBody === undefined && hasEtag(method.output) && !isStream;
  const headers = { ETag: { description: "Of what is answered.", schema: { type: "string" } } };
  return {
    "200": {
      description: isStream
        ? "A stream of server-sent events: `data` is a message in JSON, and `id` its position. " +
          "What ends it is an event named `error`."
        : "Done.",
      ...(tagged ? { headers } : {}),
      content: isStream
        ? { "text/event-stream": { schema: eventSchema(schema) } }
        : { "application/json": { schema } },
    },
    ...(tagged && httpMethod === "GET"
      ? { "304": { description: "The client has it already.", headers } }
      : {}),
    ...Object.fromEntries(refused),
  };
}

/** The content of one event: OpenAPI 3.1 describes no stream. */
const eventSchema = (schema: JsonObject): JsonObject => ({
  type: "string",
  contentMediaType: "application/json",
  contentSchema: schema,
});

const hasEtag = ({ fields }: DescMessage): boolean => fields.some(({ name }) => name === "etag");

/** A parameter says of itself what its field does. */
function withoutText(schema: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== "description"));
}

/** `BatchGetEvents` as "Batch get events". */
function words(name: string): string {
  const [first = "", ...others] = name.split(/(?=[A-Z])/u);
  return [first, ...others.map((word) => word.toLowerCase())].join(" ");
}
