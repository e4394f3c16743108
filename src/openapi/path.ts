import type { DescField, JsonObject } from "@bufbuild/protobuf";
import type { Binding } from "../transcoding/index.js";
import { findRules } from "./constraints.js";

/** A part of a path that the client chooses. */
export interface PathParameter {
  readonly name: string;
  readonly schema: JsonObject;
}

export interface DescribedPath {
  /** Such as `/v1/shelves/{shelf}/books/{book}:borrow`. */
  readonly path: string;
  readonly parameters: readonly PathParameter[];
}

/**
 * OpenAPI has no parameter with a slash in it: a variable such as `{name=shelves/*}` becomes one for each of its wildcards, named
 * for what stands before it.
 */
export function describePath({ template, variables }: Binding): DescribedPath {
  const parameters: PathParameter[] = [];
  const segments = template.segments.map((segment, at) => {
    if (segment.kind === "literal") return encodeURIComponent(segment.text);
    const index = template.variables.findIndex(({ start, end }) => start <= at && at < end);
    const variable = template.variables[index];
    const field = variables[index]?.at(-1);
    const before = template.segments[at - 1];
    const whole = variable !== undefined && variable.end - variable.start === 1;
    const name =
      whole && field !== undefined
        ? field.jsonName
        : before?.kind === "literal"
          ? singular(before.text)
          : `segment${at}`;
    const unique = parameters.some((known) => known.name === name) ? `${name}${at}` : name;
    const pattern =
      field === undefined || variable === undefined
        ? undefined
        : patternOf(field, at - variable.start, variable.end - variable.start);
    const schema = { type: "string", ...(pattern === undefined ? { minLength: 1 } : { pattern }) };
    parameters.push({ name: unique, schema });
    return `{${unique}}`;
  });
  const verb = template.verb === "" ? "" : `:${template.verb}`;
  return { path: `/${segments.join("/")}${verb}`, parameters };
}

function singular(text: string): string {
  return text.replace(/ies$/u, "y").replace(/s$/u, "");
}

/** What one of several segments must be, from the pattern of them all. */
function patternOf(field: DescField, index: number, count: number): string | undefined {
  const rules = findRules(field);
  if (rules?.type.case !== "string") return undefined;
  const whole = /^\^(?<inner>.*)\$$/u.exec(rules.type.value.pattern)?.groups?.["inner"];
  if (whole === undefined) return undefined;
  const parts = splitPattern(whole);
  const part = parts?.[index];
  return parts?.length === count && part !== undefined ? `^${part}$` : undefined;
}

/** At its slashes that stand in no group or class; undefined if it has alternatives there. */
function splitPattern(pattern: string): readonly string[] | undefined {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  for (const [token] of pattern.matchAll(/\\.|\[(?:\\.|[^\]\\])*\]|./gu)) {
    if (token === "(") depth++;
    if (token === ")") depth--;
    if (depth === 0 && token === "|") return undefined;
    if (depth === 0 && token === "/") {
      parts.push(part);
      part = "";
    } else part += token;
  }
  return [...parts, part];
}
