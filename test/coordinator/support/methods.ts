import { create, getOption, hasOption, toJson } from "@bufbuild/protobuf";
import type { DescMethodUnary, JsonValue, Message } from "@bufbuild/protobuf";
import { Audience, authorization } from "../../../gen/cabildo/v1/options_pb.js";
import { http } from "../../../gen/google/api/annotations_pb.js";
import { PUBLIC_SERVICES } from "../../../src/gateway/index.js";

/** Whose the objects of a call are. */
export interface Objects {
  readonly user: string;
  readonly calendar: string;
  readonly group: string;
  readonly event: string;
  readonly session: string;
  readonly invitation: string;
  readonly notification: string;
}

export const ABSENT: Objects = {
  user: "nobody",
  calendar: "nobody",
  group: "nowhere",
  event: `e${"0".repeat(26)}`,
  session: "none",
  invitation: `i${"0".repeat(26)}`,
  notification: `n${"0".repeat(26)}`,
};

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
  const { user, calendar, group, event, session, invitation, notification } = objects;
  const ids: Readonly<Record<string, string>> = {
    users: user,
    calendars: calendar,
    groups: group,
    events: event,
    sessions: session,
    members: user,
    invitations: invitation,
    notifications: notification,
  };
  const parts = pattern.split("/");
  return parts.map((part, i) => (part === "*" ? (ids[parts[i - 1] ?? ""] ?? "x") : part)).join("/");
}

export type Init = Readonly<Record<string, unknown>>;

export interface Filled {
  readonly request: Message;
  /** With what is neither in it nor in the body as parameters. */
  readonly path: string;
  /** Of REST; undefined where it has none. */
  readonly body: JsonValue | undefined;
}

/** A request about the objects, with what else is to be in it: of a field that holds what the path names, beside the name. */
export function fill(
  method: DescMethodUnary,
  { template, body }: Binding,
  objects: Objects,
  more: Init = {},
): Filled {
  const init: Record<string, unknown> = { ...more };
  const named = new Set<string>();
  const path = template.replace(VARIABLE, (_, field: string, pattern: string | undefined) => {
    const name = nameOf(pattern, objects);
    const [first = "", second] = field.split(".");
    const localName = method.input.field[first]?.localName ?? camel(first);
    named.add(localName);
    const beside = init[localName] ?? { title: "x" };
    init[localName] = second === undefined ? name : { ...beside, [camel(second)]: name };
    return name;
  });
  const request = create(method.input, init as never);
  const json = toJson(method.input, request) as Readonly<Record<string, JsonValue>>;
  const others = Object.entries(json).filter(([field]) => !named.has(field));
  if (body === "*") return { request, path, body: Object.fromEntries(others) };
  const parameters = new URLSearchParams();
  for (const [field, value] of others) {
    if (field === camel(body)) continue;
    for (const item of Array.isArray(value) ? value : [value]) {
      parameters.append(field, typeof item === "string" ? item : JSON.stringify(item));
    }
  }
  const query = parameters.size === 0 ? "" : `?${parameters.toString()}`;
  return { request, path: path + query, body: body === "" ? undefined : (json[camel(body)] ?? {}) };
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
