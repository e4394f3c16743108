import { create } from "@bufbuild/protobuf";
import {
  ChangesResponseSchema,
  DoneSchema,
  ExecuteRequestSchema,
  ExecuteResponseSchema,
  FailureSchema,
  FeedEntrySchema,
  ReplySchema,
  type Call,
  type ChangesResponse,
  type ExecuteRequest,
  type ExecuteResponse,
  type Failure,
  type FeedEntry,
  type Reply,
} from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError, isErrorCode, type ErrorCode } from "../base/index.js";
import { FRAME_BYTES_MAX } from "./grpc.js";
import { toSafeInteger, toUint64 } from "./int64.js";

const CALL_BYTES = 64;

export type ShardOperation =
  | { readonly kind: "command"; readonly command: Uint8Array }
  | {
      readonly kind: "read";
      readonly query: Uint8Array;
      readonly minSequence: number;
      readonly maxStalenessMs: number;
    }
  | { readonly kind: "cancel" };

/** Of a caller that does not go by a range map: it asks for it. Maps begin at version 1. */
export const ANY_RANGE_VERSION = 0;

/** One call on an Execute stream; a cancel names the call that it ends. */
export interface ShardCall {
  readonly id: number;
  readonly shard: number;
  readonly rangeVersion: number;
  readonly timeoutMs: number;
  readonly traceparent: string;
  readonly operation: ShardOperation;
}

export interface ShardFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Empty if unknown. */
  readonly leaderNode: string;
  /** True if the command was surely never proposed. */
  readonly notApplied: boolean;
  readonly rangeVersion: number;
  readonly retryAfterMs: number;
}

export interface ShardReply {
  readonly id: number;
  readonly outcome:
    | {
        readonly kind: "done";
        readonly reply: Uint8Array;
        readonly sequence: number;
        readonly epoch: number;
      }
    | { readonly kind: "failed"; readonly failure: ShardFailure };
}

export interface FeedItemShape {
  readonly sequence: number;
  readonly index: number;
  readonly timeMs: number;
  readonly channels: readonly string[];
  readonly change: Uint8Array;
}

export interface FeedFrame {
  readonly items: readonly FeedItemShape[];
  readonly upTo: number;
  readonly firstSequence: number;
  readonly epoch: number;
  readonly leaderAgeMs: number;
}

export function frameCalls(calls: readonly ShardCall[]): readonly ExecuteRequest[] {
  return cutFrames(calls, (call) => CALL_BYTES + operationBytes(call.operation)).map((frame) =>
    create(ExecuteRequestSchema, { calls: frame.map(encodeCall) }),
  );
}

function operationBytes(operation: ShardOperation): number {
  if (operation.kind === "command") return operation.command.length;
  return operation.kind === "read" ? operation.query.length : 0;
}

function encodeCall(call: ShardCall): Call {
  return {
    $typeName: "cabildo.shard.v1.Call",
    id: toUint64(call.id),
    shard: call.shard,
    rangeVersion: toUint64(call.rangeVersion),
    timeoutMs: Math.max(0, Math.ceil(call.timeoutMs)),
    traceparent: call.traceparent,
    operation: encodeOperation(call.operation),
  };
}

function encodeOperation(operation: ShardOperation) {
  switch (operation.kind) {
    case "command":
      return { case: "command" as const, value: operation.command };
    case "cancel":
      return { case: "cancel" as const, value: true };
    case "read": {
      const { query, minSequence, maxStalenessMs } = operation;
      const value = {
        $typeName: "cabildo.shard.v1.Read" as const,
        query,
        minSequence: toUint64(minSequence),
        maxStalenessMs: Math.ceil(maxStalenessMs),
      };
      return { case: "read" as const, value };
    }
  }
}

/** Throws ClusterError invalid-argument for a call without an operation, and numbers that are too large. */
export function decodeCalls(request: ExecuteRequest): readonly ShardCall[] {
  return request.calls.map((call) => ({
    id: toSafeInteger(call.id),
    shard: call.shard,
    rangeVersion: toSafeInteger(call.rangeVersion),
    timeoutMs: call.timeoutMs,
    traceparent: call.traceparent,
    operation: decodeOperation(call),
  }));
}

function decodeOperation({ operation }: Call): ShardOperation {
  switch (operation.case) {
    case "command":
      return { kind: "command", command: operation.value };
    case "cancel":
      return { kind: "cancel" };
    case "read":
      return {
        kind: "read",
        query: operation.value.query,
        minSequence: toSafeInteger(operation.value.minSequence),
        maxStalenessMs: operation.value.maxStalenessMs,
      };
    case undefined:
      throw new ClusterError("invalid-argument", "a call without an operation");
  }
}

export function frameReplies(replies: readonly ShardReply[]): readonly ExecuteResponse[] {
  const size = ({ outcome }: ShardReply) =>
    CALL_BYTES + (outcome.kind === "done" ? outcome.reply.length : outcome.failure.message.length);
  return cutFrames(replies, size).map((frame) =>
    create(ExecuteResponseSchema, { replies: frame.map(encodeReply) }),
  );
}

function encodeReply({ id, outcome }: ShardReply): Reply {
  return create(ReplySchema, {
    id: toUint64(id),
    outcome:
      outcome.kind === "done"
        ? {
            case: "done",
            value: create(DoneSchema, {
              reply: outcome.reply,
              sequence: toUint64(outcome.sequence),
              epoch: outcome.epoch,
            }),
          }
        : {
            case: "failure",
            value: create(FailureSchema, {
              ...outcome.failure,
              rangeVersion: toUint64(outcome.failure.rangeVersion),
              retryAfterMs: Math.ceil(outcome.failure.retryAfterMs),
            }),
          },
  });
}

export function decodeReplies(response: ExecuteResponse): readonly ShardReply[] {
  return response.replies.map(({ id, outcome }) => ({
    id: toSafeInteger(id),
    outcome:
      outcome.case === "done"
        ? {
            kind: "done",
            reply: outcome.value.reply,
            sequence: toSafeInteger(outcome.value.sequence),
            epoch: outcome.value.epoch,
          }
        : { kind: "failed", failure: decodeFailure(outcome.value) },
  }));
}

/** A code that this version does not know, and a reply without an outcome, are internal errors. */
function decodeFailure(failure: Failure | undefined): ShardFailure {
  return {
    code: failure !== undefined && isErrorCode(failure.code) ? failure.code : "internal",
    message: failure?.message ?? "a reply without an outcome",
    leaderNode: failure?.leaderNode ?? "",
    notApplied: failure?.notApplied ?? false,
    rangeVersion: toSafeInteger(failure?.rangeVersion ?? 0n),
    retryAfterMs: failure?.retryAfterMs ?? 0,
  };
}

/** What one failure says to a caller. Unknown errors say nothing of themselves. */
export function toShardFailure(error: unknown, rangeVersion: number): ShardFailure {
  if (!(error instanceof ClusterError)) {
    return {
      code: "internal",
      message: "internal error",
      leaderNode: "",
      notApplied: false,
      rangeVersion,
      retryAfterMs: 0,
    };
  }
  return {
    code: error.code,
    message: error.message,
    leaderNode: error.details.leaderNode ?? "",
    notApplied: error.details.outcome === "not_applied",
    rangeVersion: error.details.rangeVersion ?? rangeVersion,
    retryAfterMs: error.details.retryAfterMs ?? 0,
  };
}

/** Frames under the bound whose bookmark is at the end of an entry of the log: those with one index stay together. */
export function encodeFeed(frame: FeedFrame): readonly ChangesResponse[] {
  const entries: FeedItemShape[][] = [];
  for (const item of frame.items) {
    const last = entries.at(-1);
    if (last?.[0]?.index === item.index) last.push(item);
    else entries.push([item]);
  }
  const frames = cutFrames(entries, (items) => items.reduce((sum, i) => sum + itemBytes(i), 0));
  if (frames.length === 0) return [feedResponse(frame, [], frame.upTo)];
  return frames.map((groups, i) => {
    const items = groups.flat();
    const isLast = i === frames.length - 1;
    return feedResponse(frame, items, isLast ? frame.upTo : (items.at(-1)?.sequence ?? 0));
  });
}

export function feedBytes(response: ChangesResponse): number {
  return response.entries.reduce((sum, { change }) => sum + CALL_BYTES + change.length, CALL_BYTES);
}

function itemBytes({ channels, change }: FeedItemShape): number {
  return channels.reduce((sum, channel) => sum + channel.length + 2, CALL_BYTES + change.length);
}

function feedResponse(
  { firstSequence, epoch, leaderAgeMs }: FeedFrame,
  items: readonly FeedItemShape[],
  sequence: number,
): ChangesResponse {
  return create(ChangesResponseSchema, {
    entries: items.map(encodeFeedEntry),
    bookmark: {
      sequence: toUint64(sequence),
      epoch,
      firstSequence: toUint64(firstSequence),
      leaderAgeMs: Math.min(0xffffffff, Math.ceil(leaderAgeMs)),
    },
  });
}

function encodeFeedEntry({ sequence, index, timeMs, channels, change }: FeedItemShape): FeedEntry {
  return create(FeedEntrySchema, {
    sequence: toUint64(sequence),
    index: toUint64(index),
    timeMs: BigInt(timeMs),
    channels: [...channels],
    change,
  });
}

export function decodeFeed(response: ChangesResponse): FeedFrame {
  const { bookmark } = response;
  if (bookmark === undefined) throw new ClusterError("internal", "a frame without a bookmark");
  return {
    items: response.entries.map(({ sequence, index, timeMs, channels, change }) => ({
      sequence: toSafeInteger(sequence),
      index: toSafeInteger(index),
      timeMs: toSafeInteger(timeMs),
      channels,
      change,
    })),
    upTo: toSafeInteger(bookmark.sequence),
    firstSequence: toSafeInteger(bookmark.firstSequence),
    epoch: bookmark.epoch,
    leaderAgeMs: bookmark.leaderAgeMs,
  };
}

/** In order, as many to a frame as the bound allows, at least one. */
function cutFrames<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
): readonly (readonly Item[])[] {
  const frames: Item[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    const last = frames.at(-1);
    if (last === undefined || bytes + size > FRAME_BYTES_MAX) {
      frames.push([item]);
      bytes = size;
    } else {
      last.push(item);
      bytes += size;
    }
  }
  return frames;
}
