import { create } from "@bufbuild/protobuf";
import {
  AppendEntriesRequestSchema,
  AppendEntriesResponseSchema,
  AppendResultSchema,
  AppendSchema,
  EntrySchema,
  HeartbeatResultSchema,
  HeartbeatSchema,
  type Append,
  type AppendEntriesRequest,
  type AppendEntriesResponse,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import type { Entry } from "../raft/index.js";
import { FRAME_BYTES_MAX } from "./grpc.js";
import { toUint64 } from "./int64.js";
import { encodeEntryKind, encodeRoute, type MessageOf } from "./peer.js";

export interface Frame<Message> {
  readonly message: Message;
  /** Close to its size on the wire, never less than its entries. */
  readonly bytes: number;
}

export interface Forward {
  readonly shard: number;
  readonly message: MessageOf<"append" | "heartbeat">;
}

export interface Backward {
  readonly shard: number;
  readonly message: MessageOf<"append-response" | "heartbeat-response">;
}

const MESSAGE_BYTES = 64;
const ENTRY_BYTES = 24;

/**
 * What one turn sends to a node as few frames as the bound allows. Within a frame heartbeats follow appends: they say less
 * about the log, so nothing depends on their order. An append above the bound goes in parts, each of which is a valid append.
 */
export function frameRequests(
  messages: readonly Forward[],
  bytesMax = FRAME_BYTES_MAX,
): readonly Frame<AppendEntriesRequest>[] {
  const frames: Frame<AppendEntriesRequest>[] = [];
  let message = create(AppendEntriesRequestSchema);
  let bytes = 0;
  const cut = () => {
    if (bytes > 0) frames.push({ message, bytes });
    message = create(AppendEntriesRequestSchema);
    bytes = 0;
  };
  for (const { shard, message: item } of messages) {
    if (item.kind === "heartbeat") {
      if (bytes + MESSAGE_BYTES > bytesMax) cut();
      message.heartbeats.push(
        create(HeartbeatSchema, {
          route: encodeRoute(shard, item),
          commit: toUint64(item.commit),
          readRound: toUint64(item.readRound),
        }),
      );
      bytes += MESSAGE_BYTES;
      continue;
    }
    for (const part of splitAppend(item, bytesMax)) {
      const size = appendBytes(part.entries);
      if (bytes + size > bytesMax) cut();
      message.appends.push(encodeAppend(shard, part));
      bytes += size;
    }
  }
  cut();
  return frames;
}

export function frameResponses(messages: readonly Backward[]): Frame<AppendEntriesResponse> {
  const message = create(AppendEntriesResponseSchema);
  for (const { shard, message: item } of messages) {
    const route = encodeRoute(shard, item);
    if (item.kind === "heartbeat-response") {
      message.heartbeats.push(
        create(HeartbeatResultSchema, { route, readRound: toUint64(item.readRound) }),
      );
    } else {
      message.appends.push(
        create(AppendResultSchema, {
          route,
          index: toUint64(item.index),
          reject: item.reject,
          hintIndex: toUint64(item.hintIndex),
          hintTerm: toUint64(item.hintTerm),
        }),
      );
    }
  }
  return { message, bytes: messages.length * MESSAGE_BYTES };
}

/** Of a frame that came: about what its sender counted. */
export function requestFrameBytes({ appends, heartbeats }: AppendEntriesRequest): number {
  return appends.reduce(
    (sum, { entries }) => sum + appendBytes(entries),
    heartbeats.length * MESSAGE_BYTES,
  );
}

export function responseFrameBytes({ appends, heartbeats }: AppendEntriesResponse): number {
  return (appends.length + heartbeats.length) * MESSAGE_BYTES;
}

function splitAppend(
  append: MessageOf<"append">,
  bytesMax: number,
): readonly MessageOf<"append">[] {
  if (appendBytes(append.entries) <= bytesMax) return [append];
  const parts: MessageOf<"append">[] = [];
  let { prevIndex, prevTerm } = append;
  let entries: Entry[] = [];
  let bytes = MESSAGE_BYTES;
  const cut = () => {
    parts.push({ ...append, prevIndex, prevTerm, entries });
    const last = entries.at(-1);
    if (last !== undefined) ({ index: prevIndex, term: prevTerm } = last);
    entries = [];
    bytes = MESSAGE_BYTES;
  };
  for (const entry of append.entries) {
    const size = ENTRY_BYTES + entry.data.length;
    if (entries.length > 0 && bytes + size > bytesMax) cut();
    entries.push(entry);
    bytes += size;
  }
  cut();
  return parts;
}

function appendBytes(entries: readonly Pick<Entry, "data">[]): number {
  return entries.reduce((sum, { data }) => sum + ENTRY_BYTES + data.length, MESSAGE_BYTES);
}

function encodeAppend(shard: number, append: MessageOf<"append">): Append {
  return create(AppendSchema, {
    route: encodeRoute(shard, append),
    prevIndex: toUint64(append.prevIndex),
    prevTerm: toUint64(append.prevTerm),
    commit: toUint64(append.commit),
    entries: append.entries.map(({ term, kind, data }) =>
      create(EntrySchema, { term: toUint64(term), kind: encodeEntryKind(kind), data }),
    ),
  });
}
