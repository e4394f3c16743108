import type { JsonValue } from "@bufbuild/protobuf";
import { ClusterError } from "../base/index.js";
import { traceContextOf } from "../wire/index.js";
import type { TraceContext } from "../wire/index.js";

/** What a client can say. */
export type ClientCommand =
  | { readonly kind: "connect"; readonly id: number; readonly token: string }
  | {
      readonly kind: "subscribe";
      readonly id: number;
      readonly channels: readonly string[];
      readonly since: readonly string[];
    }
  | { readonly kind: "unsubscribe"; readonly id: number; readonly channels: readonly string[] }
  /** The channels that the user chose, from now on as the choice is. */
  | { readonly kind: "restore"; readonly id: number; readonly since: readonly string[] }
  | { readonly kind: "ping"; readonly id: number }
  | { readonly kind: "refresh"; readonly id: number; readonly token: string }
  | OperatorCommand
  | RemoteCall;

/** What only operators can ask: to all others it is no command, so that what it says is read once it is known who asks. */
export interface OperatorCommand {
  readonly kind: "inspect" | "may" | "trace";
  readonly id: number;
  readonly asked: Fields;
}

/** A call of the public API; `method` is such as `cabildo.v1.EventService/CreateEvent`. */
export interface RemoteCall {
  readonly kind: "rpc";
  readonly id: number;
  readonly method: string;
  readonly request: JsonValue;
  readonly timeoutMs: number | undefined;
  readonly trace: TraceContext;
}

export type CommandKind = ClientCommand["kind"];

/** A line that is no command. Without an id nobody can be answered, and the connection ends. */
export type Unreadable =
  | { readonly kind: "unreadable"; readonly id: undefined; readonly message: string }
  | {
      readonly kind: "unreadable";
      readonly id: number;
      readonly message: string;
      readonly field: string;
    }
  | { readonly kind: "unknown"; readonly id: number };

export type Fields = Readonly<Record<string, unknown>>;

export function unknownCommand(): ClusterError {
  return new ClusterError("unimplemented", "this server knows no such command");
}

/** Text of the message is never repeated in an answer: it may hold a token. */
export function parseCommand(line: string): ClientCommand | Unreadable {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: "unreadable", id: undefined, message: "a line must be one JSON object" };
  }
  if (!isFields(value)) {
    return { kind: "unreadable", id: undefined, message: "a command must be a JSON object" };
  }
  const id = value["id"];
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id <= 0) {
    return { kind: "unreadable", id: undefined, message: "id must be a positive integer" };
  }
  const names = Object.keys(value).filter((name) => name !== "id");
  const [name] = names;
  if (name === undefined || names.length > 1) {
    return unreadable(id, "", "a command has an id and the name of one command");
  }
  const body = value[name];
  return isFields(body)
    ? parseBody(id, name, body)
    : unreadable(id, "", "a command's value must be a JSON object");
}

function parseBody(id: number, name: string, body: Fields): ClientCommand | Unreadable {
  switch (name) {
    case "connect":
    case "refresh": {
      const token = body["token"];
      if (typeof token !== "string" || token === "") {
        return unreadable(id, "token", "token must be an access token");
      }
      return { kind: name, id, token };
    }
    case "subscribe": {
      const channels = parseStrings(body["channels"]);
      if (channels === undefined || channels.length === 0) return noChannels(id);
      const since = parseSince(body);
      return since === undefined ? noSince(id) : { kind: "subscribe", id, channels, since };
    }
    case "unsubscribe": {
      const channels = parseStrings(body["channels"]);
      if (channels === undefined || channels.length === 0) return noChannels(id);
      return { kind: "unsubscribe", id, channels };
    }
    case "restore": {
      const since = parseSince(body);
      return since === undefined ? noSince(id) : { kind: "restore", id, since };
    }
    case "ping":
      return { kind: "ping", id };
    case "inspect":
    case "may":
    case "trace":
      return { kind: name, id, asked: body };
    case "rpc": {
      const { method, request = {}, timeout_ms: timeoutMs, traceparent } = body;
      if (!isJson(request)) return unreadable(id, "request", "request must be a JSON object");
      if (typeof method !== "string") {
        return unreadable(
          id,
          "method",
          "method must be a name such as cabildo.v1.EventService/GetEvent",
        );
      }
      if (timeoutMs !== undefined && !isDuration(timeoutMs)) {
        return unreadable(id, "timeout_ms", "timeout_ms must be a positive number");
      }
      return { kind: "rpc", id, method, request, timeoutMs, trace: traceContextOf(traceparent) };
    }
    default:
      return { kind: "unknown", id };
  }
}

function parseSince(body: Fields): readonly string[] | undefined {
  return body["since"] === undefined ? [] : parseStrings(body["since"]);
}

function noSince(id: number): Unreadable {
  return unreadable(id, "since", "since must be a list of positions");
}

function noChannels(id: number): Unreadable {
  return unreadable(id, "channels", "channels must be a list of names, not empty");
}

function unreadable(id: number, field: string, message: string): Unreadable {
  return { kind: "unreadable", id, field, message };
}

/** All of it was parsed from JSON. */
function isJson(value: unknown): value is JsonValue {
  return isFields(value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDuration(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

/** Each once, in order; undefined where it is not a list of texts. */
function parseStrings(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const strings = value.filter((item: unknown): item is string => typeof item === "string");
  return strings.length === value.length ? [...new Set(strings)] : undefined;
}
