import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createRegistry } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import type { Validator, Violation } from "@bufbuild/protovalidate";
import { file_buf_validate_validate } from "../../gen/buf/validate/validate_pb.js";
import { ClusterError } from "../base/index.js";
import { findControlCharacter } from "./control-characters.js";

const VIOLATIONS_MAX = 16;

/** Made when first asked for: the command line never does. */
let made: Validator | undefined;

function validator(): Validator {
  return (made ??= createValidator({
    registry: createRegistry(file_buf_validate_validate),
    regexMatch: matches,
  }));
}

const patterns = new Map<string, RegExp>();

/**
 * By the engine of JavaScript, at a fifth of what RE2 costs, which the library brings for patterns that anybody may have written.
 * Ours are the protos' own, and none of them looks at more than a name can have.
 */
function matches(pattern: string, text: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = new RegExp(pattern, "u");
    patterns.set(pattern, compiled);
  }
  return compiled.test(text);
}

/** By the rules in the protos, and one for all texts. */
export function requireValid(schema: DescMessage, request: Message): void {
  requireReadable(schema, request);
  const result = validator().validate(schema, request);
  if (result.kind === "valid") return;
  // A rule that cannot be evaluated is a fault of ours.
  if (result.kind === "error") throw result.error;
  const violations = result.violations.slice(0, VIOLATIONS_MAX).map(describe);
  const [first] = violations;
  throw new ClusterError(
    "invalid-argument",
    first === undefined ? "the request is not valid" : `${first.field}: ${first.description}`,
    { violations, outcome: "not_applied" },
  );
}

function requireReadable(schema: DescMessage, request: Message): void {
  const field = findControlCharacter(schema, request);
  if (field === undefined) return;
  const description = "has a control character: only tabs and line breaks may be in a text";
  throw new ClusterError("invalid-argument", `${field}: ${description}`, {
    violations: [{ field, description }],
    outcome: "not_applied",
  });
}

function describe({ field, message }: Violation): { field: string; description: string } {
  return { field: pathText(field), description: asExample(message) ?? message };
}

/** What a name should look like, by what its pattern has in it. */
const EXAMPLES: readonly (readonly [part: string, example: string])[] = [
  ["/events/", "calendars/ana/events/e01m8dz4m4nwh1gvssknztbk6qe"],
  ["^calendars/", "calendars/ana"],
  ["^groups/", "groups/choir"],
  ["/subscriptions", "users/ana/subscriptions"],
  ["^users/", "users/ana"],
  ["\\.", "ana.work"],
  ["^[a-z](", "choir"],
];

/** A pattern says little to who does not read patterns. */
function asExample(message: string): string | undefined {
  const pattern = /^does not match regex pattern `(.*)`$/su.exec(message)?.[1];
  const example = EXAMPLES.find(([part]) => pattern?.includes(part))?.[1];
  if (example === undefined) return undefined;
  return `must be written like ${example}: lower-case letters, digits and hyphens, a letter first`;
}

function pathText(path: Violation["field"]): string {
  let text = "";
  for (const part of path) {
    switch (part.kind) {
      case "list_sub":
        text += `[${part.index}]`;
        break;
      case "map_sub":
        text += `[${JSON.stringify(part.key)}]`;
        break;
      default:
        text += `${text === "" ? "" : "."}${part.name}`;
    }
  }
  return text;
}
