/**
 * OpenAPI 3.1 for services of protobuf, from their descriptors at run time: paths and parameters by their `google.api.http`
 * rules, schemas of proto3 JSON with the constraints of `buf.validate` and the behaviour of `google.api.field_behavior`. No
 * I/O, and nothing of this project but generated options and `transcoding`, which answers what is described here.
 *
 * The caller says what descriptors do not: comments, examples, security, and how refusals look.
 */
export { describeApi } from "./describe-api.js";
export type { ApiDescription } from "./describe-api.js";
