import { create, getOption, hasOption } from "@bufbuild/protobuf";
import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import { Audience, authorization } from "../../../gen/cabildo/v1/options_pb.js";
import { http } from "../../../gen/google/api/annotations_pb.js";
import { PUBLIC_SERVICES } from "../../../src/gateway/index.js";

/** Whose the objects of a call are. */
export interface Objects {
  readonly user: string;
  readonly group: string;
  readonly event: string;
  readonly session: string;
}

export const ABSENT: Objects = {
  user: "nobody",
  group: "nowhere",
  event: `e${"0".repeat(26)}`,
  session: "none",
};
const INVITATION = `i${"0".repeat(26)}`;

export interface Binding {
  readonly verb: string;
  readonly template: string;
  readonly body: string;
}

export function bindingOf(method: DescMethodUnary): Binding | undefined {
  if (!hasOption(method, http)) return undefined;
  const { pattern, body } = getOption(method, http);
  if (pattern.case === undefined || typeof pattern.value !== "string") return undefined;
  return { verb: pattern.case.toUpperCase(), template: pattern.value, body };
}

const VARIABLE = /\{([a-z_.]+)(?:=([^}]+))?\}/gu;

/** What a template's variable is filled with, such as `calendars/ana/events/e1` for `calendars/*\/events/*`. */
function nameOf(pattern: string | undefined, objects: Objects): string {
  if (pattern === undefined) return "users";
  const { user, group, event, session } = objects;
  const ids: Readonly<Record<string, string>> = {
    users: user,
    calendars: user,
    groups: group,
    events: event,
    sessions: session,
    members: user,
    invitations: INVITATION,
    notifications: `n${"0".repeat(26)}`,
  };
  const parts = pattern.split("/");
  return parts.map((part, i) => (part === "*" ? (ids[parts[i - 1] ?? ""] ?? "x") : part)).join("/");
}

export interface Filled {
  readonly request: Message;
  readonly path: string;
}

export function fill(method: DescMethodUnary, { template }: Binding, objects: Objects): Filled {
  const init: Record<string, unknown> = {};
  const path = template.replace(VARIABLE, (_, field: string, pattern: string | undefined) => {
    const name = nameOf(pattern, objects);
    const [first = "", second] = field.split(".");
    const localName = method.input.field[first]?.localName ?? camel(first);
    init[localName] = second === undefined ? name : { [camel(second)]: name, title: "x" };
    return name;
  });
  return { request: create(method.input, init as never), path };
}

export const camel = (name: string): string =>
  name.replace(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase());

function isUnary(method: { readonly methodKind: string }): method is DescMethodUnary {
  return method.methodKind === "unary";
}

/** Those that need a token. */
export const METHODS = PUBLIC_SERVICES.flatMap(({ methods }) => methods)
  .filter(isUnary)
  .filter((method) => {
    const { audience } = getOption(method, authorization);
    return audience === Audience.USER || audience === Audience.AUDITOR;
  });
/** Those that are about something: the caller's relation to it decides. */
export const ABOUT = METHODS.flatMap((method) => {
  const binding = bindingOf(method);
  return binding?.template.includes("{") === true ? [{ method, binding }] : [];
});
