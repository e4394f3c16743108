import type { DescMethod, DescService, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { readBindings } from "../transcoding/index.js";
import { describeOperation } from "./operation.js";
import { Schemas } from "./schemas.js";
import { Texts } from "./texts.js";

export interface ApiDescription {
  readonly services: readonly DescService[];
  /** OpenAPI's `info`: title, version, description, license. */
  readonly info: JsonObject;
  /** What the protos say of themselves, by full name. */
  readonly comments: Readonly<Record<string, string>>;
  /** One of each message, by full name. */
  readonly examples: Readonly<Record<string, JsonValue>>;
  /** Values of parameters of a path, by name. */
  readonly parameterExamples: Readonly<Record<string, string>>;
  /** How a caller proves who it is; needed by all methods but those that are public. */
  readonly securitySchemes: JsonObject;
  readonly isPublic: (method: DescMethod) => boolean;
  /** Headers that a method knows beside those that stand for fields, as parameters of OpenAPI. */
  readonly headers: (method: DescMethod) => readonly JsonObject[];
  /** Schemas that the responses below refer to, by name. */
  readonly refusalSchemas: Readonly<Record<string, JsonObject>>;
  /** Responses of OpenAPI that are no success, by name. */
  readonly refusalResponses: Readonly<Record<string, JsonObject>>;
  /** Which of those a method has, by status. */
  readonly refusals: (method: DescMethod) => Readonly<Record<string, string>>;
}

/** The document. Throws an Error if two methods have one address, or a rule does not fit its messages. */
export function describeApi(api: ApiDescription): JsonObject {
  const texts = new Texts(api.comments);
  const methods = api.services.flatMap((service) => service.methods);
  const schemas = new Schemas({
    texts,
    examples: api.examples,
    answered: methods.map(({ output }) => output),
  });
  const paths: Record<string, JsonObject> = {};
  for (const method of methods) {
    for (const [ordinal, binding] of readBindings(method).entries()) {
      const options = { ...api, schemas, texts };
      const { path, httpMethod, operation } = describeOperation(binding, ordinal, options);
      const item = (paths[path] ??= {});
      if (item[httpMethod] !== undefined) throw new Error(`${httpMethod} ${path} is there twice`);
      item[httpMethod] = operation;
    }
  }
  return {
    openapi: "3.1.1",
    info: api.info,
    // Wherever the document was read.
    servers: [{ url: "/" }],
    security: Object.keys(api.securitySchemes).map((name) => ({ [name]: [] })),
    tags: api.services.map((service) => ({ name: service.name, ...texts.description(service) })),
    paths: sorted(paths),
    components: {
      securitySchemes: api.securitySchemes,
      schemas: sorted({ ...schemas.components, ...api.refusalSchemas }),
      responses: { ...api.refusalResponses },
    },
  };
}

function sorted(record: Readonly<Record<string, JsonObject>>): JsonObject {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
