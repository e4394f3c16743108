/**
 * HTTP and JSON for services of protobuf: reads the `google.api.http` rules of descriptors at run time, finds the method that a
 * request means, and translates between requests of HTTP and messages. No I/O, and nothing of this project but two
 * generated files with the options that it reads.
 *
 * The caller's duties: decode the JSON that `toRequestJson` gives with `fromJson`, which has the last word on its types; call
 * the method; answer with `toResponseJson`. A refusal is a value and names the field.
 */
export { readBindings } from "./binding.js";
export type { Binding, BindingBody } from "./binding.js";
export { parseFieldPath } from "./field-path.js";
export type { FieldPath } from "./field-path.js";
export { findHeaderFields, isTagAmong } from "./header-fields.js";
export type { HeaderFields } from "./header-fields.js";
export { parsePathTemplate } from "./path-template.js";
export type { PathSegment, PathTemplate, PathVariable } from "./path-template.js";
export { toRequestJson } from "./request-json.js";
export type { RequestFault, RequestJson, RequestParts } from "./request-json.js";
export { entityTag, streamPosition, toResponseJson } from "./response-json.js";
export { RouteTable } from "./route-table.js";
export type { RouteMatch } from "./route-table.js";
export { isSingleValue } from "./value-of-text.js";
