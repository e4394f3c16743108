import { fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { ChangeSchema } from "../../gen/cabildo/v1/sync_pb.js";
import type { Change } from "../../gen/cabildo/v1/sync_pb.js";

export interface Refusal {
  /** The cause, as google.rpc.ErrorInfo names it. */
  readonly code: string;
  /** Canonical code of gRPC by name. */
  readonly status: string;
  readonly message: string;
  /** The same may succeed after so long; undefined where nobody says so. */
  readonly retryAfterMs?: number;
}

/** What was missed is no longer kept, or cannot be told from what is. */
export const GONE: ReadonlySet<string> = new Set(["POSITION_GONE", "EPOCH_CHANGED"]);

/** Who leads a shard, and how its replicas are. */
export interface ShardState {
  readonly name: string;
  /** Whether it has a leader that answers. */
  readonly ready: boolean;
  readonly replicas: readonly {
    readonly node: string;
    /** leader, follower, candidate or pre-candidate; unreachable for a node that does not answer. */
    readonly role: string;
    readonly term: number;
  }[];
}

/** A reply to a command, or why there is none. */
export type Reply =
  | { readonly kind: "done"; readonly body: Fields }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** One line of what a server says; what this version does not know is of kind unknown. */
export type Frame =
  | { readonly kind: "reply"; readonly id: number; readonly reply: Reply }
  | { readonly kind: "push"; readonly channel: string; readonly change: Change }
  | { readonly kind: "cluster"; readonly shards: readonly ShardState[] }
  /** `position` is empty where it says nothing of how far the server has come. */
  | { readonly kind: "checkpoint"; readonly position: string }
  /** The user chose them on some device: everything up to `position`, of all channels, was sent. */
  | {
      readonly kind: "subscribed";
      readonly channels: readonly string[];
      readonly position: string;
      /** Why one of them did not begin that another attempt may have. */
      readonly passing: Refusal | undefined;
    }
  /** The user may no longer hear them; without a refusal: chose so. */
  | {
      readonly kind: "unsubscribed";
      readonly channels: readonly string[];
      readonly refusal: Refusal | undefined;
    }
  | {
      readonly kind: "disconnect";
      readonly reason: string;
      readonly retryAfterMs: number;
      readonly position: string;
    }
  /** For operators: something that happened to a connection of the same server. */
  | { readonly kind: "trace"; readonly line: Fields }
  | { readonly kind: "unknown" };

export type Fields = Readonly<Record<string, unknown>>;

export function parseFrame(line: string): Frame {
  const frame = fieldsOf(JSON.parse(line));
  const { id, push, checkpoint, subscribed, unsubscribed, disconnect, trace } = frame;
  if (push !== undefined) {
    const { channel, change, shards } = fieldsOf(push);
    if (shards !== undefined) return { kind: "cluster", shards: shardsOf(shards) };
    const json = isJson(change) ? change : {};
    const decoded = fromJson(ChangeSchema, json, { ignoreUnknownFields: true });
    return { kind: "push", channel: textOf(channel), change: decoded };
  }
  if (checkpoint !== undefined) {
    return { kind: "checkpoint", position: textOf(fieldsOf(checkpoint)["position"]) };
  }
  if (subscribed !== undefined) {
    const body = fieldsOf(subscribed);
    const answers = channelsIn(body);
    const position = textOf(body["position"]);
    const passing = passingIn(refusalsIn(answers));
    return { kind: "subscribed", channels: begunOf(answers), position, passing };
  }
  // The reply to the command of that name has an id.
  if (unsubscribed !== undefined && id === undefined) {
    const { channels, error } = fieldsOf(unsubscribed);
    const names = Array.isArray(channels) ? channels.map(textOf) : [];
    const refusal = error === undefined ? undefined : refusalOf(error);
    return { kind: "unsubscribed", channels: names, refusal };
  }
  if (disconnect !== undefined) {
    const { reason, retry_after_ms: after, position } = fieldsOf(disconnect);
    const retryAfterMs = typeof after === "number" ? after : 0;
    return {
      kind: "disconnect",
      reason: textOf(reason),
      retryAfterMs,
      position: textOf(position),
    };
  }
  if (trace !== undefined && id === undefined) return { kind: "trace", line: fieldsOf(trace) };
  if (typeof id === "number") return { kind: "reply", id, reply: replyOf(frame) };
  return { kind: "unknown" };
}

/** Why the command, or one of its channels, was refused. */
export function findRefusal(reply: Reply): Refusal | undefined {
  return refusalsOf(reply)[0];
}

/** Why one channel was refused that another attempt may have; of the rest nothing is said. */
export function findPassing(reply: Reply): Refusal | undefined {
  return passingIn(refusalsOf(reply));
}

/** What of an answer is heard from here on. */
export function begunIn(reply: Reply): readonly string[] {
  return begunOf(channelsOf(reply));
}

/** Where each channel of an answer begins. */
export function positionsOf(reply: Reply): readonly string[] {
  return channelsOf(reply)
    .map(({ position }) => textOf(position))
    .filter((position) => position !== "");
}

function replyOf(frame: Fields): Reply {
  const { error, ...rest } = frame;
  if (error !== undefined) return { kind: "refused", refusal: refusalOf(error) };
  const [, body] = Object.entries(rest).find(([name]) => name !== "id") ?? [];
  return { kind: "done", body: fieldsOf(body) };
}

function refusalOf(error: unknown): Refusal {
  const { code, status, message, retry_after_ms: retryAfterMs } = fieldsOf(error);
  return {
    code: textOf(code),
    status: textOf(status),
    message: textOf(message),
    ...(typeof retryAfterMs === "number" ? { retryAfterMs } : {}),
  };
}

function passingIn(refusals: readonly Refusal[]): Refusal | undefined {
  return (
    refusals.find(({ code }) => GONE.has(code)) ??
    refusals.find(({ retryAfterMs }) => retryAfterMs !== undefined)
  );
}

function refusalsOf(reply: Reply): readonly Refusal[] {
  return reply.kind === "refused" ? [reply.refusal] : refusalsIn(channelsOf(reply));
}

function refusalsIn(channels: readonly Fields[]): readonly Refusal[] {
  return channels.flatMap(({ error }) => (error === undefined ? [] : [refusalOf(error)]));
}

function channelsOf(reply: Reply): readonly Fields[] {
  return reply.kind === "done" ? channelsIn(reply.body) : [];
}

function channelsIn({ channels }: Fields): readonly Fields[] {
  return listOf(channels);
}

function begunOf(channels: readonly Fields[]): readonly string[] {
  return channels.filter(({ error }) => error === undefined).map(({ channel }) => textOf(channel));
}

function shardsOf(shards: unknown): readonly ShardState[] {
  return listOf(shards).map(({ name, ready, replicas }) => ({
    name: textOf(name),
    ready: ready === true,
    replicas: listOf(replicas).map(({ node, role, term }) => ({
      node: textOf(node),
      role: textOf(role),
      term: typeof term === "number" ? term : 0,
    })),
  }));
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

/** Anything but nothing: all of it was parsed from JSON. */
export function isJson(value: unknown): value is JsonValue {
  return value !== undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
