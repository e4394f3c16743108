import { getOption, hasOption, type DescField, type DescMethod } from "@bufbuild/protobuf";
import { http } from "../../gen/google/api/annotations_pb.js";
import type { HttpRule } from "../../gen/google/api/http_pb.js";
import { parseFieldPath, type FieldPath } from "./field-path.js";
import { parsePathTemplate, type PathTemplate } from "./path-template.js";

/** Which part of the request message is the body. */
export type BindingBody =
  | { readonly kind: "none" }
  /** Everything that is not in the path. */
  | { readonly kind: "all" }
  | { readonly kind: "field"; readonly field: DescField };

/** One way in which a method is called over HTTP. */
export interface Binding {
  readonly method: DescMethod;
  /** In capitals; `*` for any. */
  readonly httpMethod: string;
  /** As the rule has it. */
  readonly path: string;
  readonly template: PathTemplate;
  /** The fields of the template's variables, in their order. */
  readonly variables: readonly FieldPath[];
  readonly body: BindingBody;
  /** The field of the response that is the body of the answer; undefined for the whole. */
  readonly responseBody: DescField | undefined;
}

/**
 * The rule of a method and its additional bindings; none if it has no rule. Throws an Error for a rule that does not fit its
 * messages.
 */
export function readBindings(method: DescMethod): readonly Binding[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings].map((each) => readBinding(method, each));
}

function readBinding(method: DescMethod, rule: HttpRule): Binding {
  const { httpMethod, path } = readPattern(method, rule);
  const template = parsePathTemplate(path);
  return {
    method,
    httpMethod,
    path,
    template,
    variables: template.variables.map(({ fieldPath }) => readVariable(method, fieldPath)),
    body: readBody(method, rule.body),
    responseBody:
      rule.responseBody === ""
        ? undefined
        : requireField(method, method.output.fields, rule.responseBody),
  };
}

function readPattern(
  method: DescMethod,
  { pattern }: HttpRule,
): { readonly httpMethod: string; readonly path: string } {
  switch (pattern.case) {
    case undefined:
      throw fault(method, "has no path");
    case "custom":
      return { httpMethod: pattern.value.kind.toUpperCase(), path: pattern.value.path };
    default:
      return { httpMethod: pattern.case.toUpperCase(), path: pattern.value };
  }
}

function readVariable(method: DescMethod, text: string): FieldPath {
  const path = parseFieldPath(method.input, text);
  const last = path?.at(-1);
  if (path === undefined || last === undefined) throw fault(method, `has no field ${text}`);
  if (last.fieldKind !== "scalar" && last.fieldKind !== "enum") {
    throw fault(method, `has ${text} in its path, which is no single value`);
  }
  return path;
}

function readBody(method: DescMethod, body: string): BindingBody {
  if (body === "") return { kind: "none" };
  if (body === "*") return { kind: "all" };
  return { kind: "field", field: requireField(method, method.input.fields, body) };
}

function requireField(method: DescMethod, fields: readonly DescField[], name: string): DescField {
  const field = fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw fault(method, `has no field ${name}`);
  return field;
}

const fault = (method: DescMethod, what: string): Error =>
  new Error(`the http rule of ${method.parent.typeName}.${method.name} ${what}`);
