import { create } from "@bufbuild/protobuf";
import {
  ConfStateSchema,
  EntryKind as WireEntryKind,
  HelloSchema,
  KnownNodeSchema,
  RouteSchema,
  type Append,
  type AppendEntriesRequest,
  type AppendEntriesResponse,
  type ConfState as WireConfState,
  type Entry as WireEntry,
  type Hello,
  type KnownNode as WireKnownNode,
  type ReadIndexRequest,
  type ReadIndexResponse,
  type RequestVoteRequest,
  type RequestVoteResponse,
  type Route,
  type TimeoutNowRequest,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import { ClusterError } from "../base/index.js";
import type { ConfState, Entry, EntryKind, Message } from "../raft/index.js";
import type { KnownNode, PeerHello, PeerMessage } from "../runtime/index.js";
import { toSafeInteger, toUint64 } from "./int64.js";

type Kind = Message["kind"];
export type MessageOf<K extends Kind> = Extract<Message, { readonly kind: K }>;

export function encodeHello(hello: PeerHello): Hello {
  return create(HelloSchema, {
    clusterId: hello.clusterId,
    node: hello.node,
    storeId: hello.storeId,
    toStoreId: hello.toStoreId,
    boot: toUint64(hello.boot),
    life: toUint64(hello.life),
    wallMs: toUint64(hello.wallMs),
    diskFull: hello.diskFull,
    featureLevel: hello.featureLevel,
    draining: hello.draining,
    ...(hello.known === undefined ? {} : { known: encodeKnown(hello.known) }),
    replicas: hello.replicas.map(({ shard, replica, lastIndex }) => ({
      shard,
      replica,
      lastIndex: toUint64(lastIndex),
    })),
  });
}

export function decodeHello(hello: Hello | undefined): PeerHello {
  if (hello === undefined) throw missing("hello");
  return {
    clusterId: hello.clusterId,
    node: hello.node,
    storeId: hello.storeId,
    toStoreId: hello.toStoreId,
    boot: toSafeInteger(hello.boot),
    life: toSafeInteger(hello.life),
    wallMs: toSafeInteger(hello.wallMs),
    diskFull: hello.diskFull,
    featureLevel: hello.featureLevel,
    draining: hello.draining,
    known: hello.known === undefined ? undefined : decodeKnown(hello.known),
    replicas: hello.replicas.map(({ shard, replica, lastIndex }) => ({
      shard,
      replica,
      lastIndex: toSafeInteger(lastIndex),
    })),
  };
}

function encodeKnown({ boot, life, replicas }: KnownNode): WireKnownNode {
  return create(KnownNodeSchema, {
    boot: toUint64(boot),
    life: toUint64(life),
    replicas: replicas.map(({ replica, term, acknowledged }) => ({
      replica,
      term: toUint64(term),
      acknowledgedIndex: toUint64(acknowledged.index),
      acknowledgedTerm: toUint64(acknowledged.term),
    })),
  });
}

function decodeKnown({ boot, life, replicas }: WireKnownNode): KnownNode {
  return {
    boot: toSafeInteger(boot),
    life: toSafeInteger(life),
    replicas: replicas.map(({ replica, term, acknowledgedIndex, acknowledgedTerm }) => ({
      replica,
      term: toSafeInteger(term),
      acknowledged: {
        index: toSafeInteger(acknowledgedIndex),
        term: toSafeInteger(acknowledgedTerm),
      },
    })),
  };
}

export function encodeRoute(shard: number, message: Pick<Message, "from" | "to" | "term">): Route {
  return create(RouteSchema, {
    shard,
    from: message.from,
    to: message.to,
    term: toUint64(message.term),
  });
}

export interface Routed {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
  readonly term: number;
}

/** Terms and indexes go on from what a peer says: from here on there is room for more of them than there will ever be. */
const COUNTED_MAX = 2 ** 52;

function toCounted(value: bigint): number {
  const counted = toSafeInteger(value);
  if (counted > COUNTED_MAX) {
    throw new ClusterError("invalid-argument", `${value}: no term or index comes so far`);
  }
  return counted;
}

export function decodeRoute(route: Route | undefined): Routed {
  if (route === undefined) throw missing("route");
  return {
    shard: route.shard,
    from: route.from,
    to: route.to,
    term: toCounted(route.term),
  };
}

const ENTRY_KINDS: Readonly<Record<EntryKind, WireEntryKind>> = {
  normal: WireEntryKind.NORMAL,
  "conf-change": WireEntryKind.CONF_CHANGE,
  "conf-change-v2": WireEntryKind.CONF_CHANGE_V2,
};

export function encodeEntryKind(kind: EntryKind): WireEntryKind {
  return ENTRY_KINDS[kind];
}

function decodeEntry(entry: WireEntry, index: number): Entry {
  return {
    term: toSafeInteger(entry.term),
    index,
    kind: decodeEntryKind(entry.kind),
    data: entry.data,
  };
}

function decodeEntryKind(kind: WireEntryKind): EntryKind {
  switch (kind) {
    case WireEntryKind.NORMAL:
      return "normal";
    case WireEntryKind.CONF_CHANGE:
      return "conf-change";
    case WireEntryKind.CONF_CHANGE_V2:
      return "conf-change-v2";
    default:
      throw new ClusterError("invalid-argument", `unknown kind of entry ${kind}`);
  }
}

function decodeAppend(append: Append): PeerMessage {
  const { shard, ...route } = decodeRoute(append.route);
  const prevIndex = toCounted(append.prevIndex);
  return {
    shard,
    message: {
      kind: "append",
      ...route,
      prevIndex,
      prevTerm: toSafeInteger(append.prevTerm),
      commit: toSafeInteger(append.commit),
      entries: append.entries.map((entry, i) => decodeEntry(entry, prevIndex + 1 + i)),
    },
  };
}

/** Heartbeats come after the appends of a frame, as they were encoded. */
export function decodeAppendRequest(request: AppendEntriesRequest): readonly PeerMessage[] {
  const messages = request.appends.map(decodeAppend);
  for (const heartbeat of request.heartbeats) {
    const { shard, ...route } = decodeRoute(heartbeat.route);
    messages.push({
      shard,
      message: {
        kind: "heartbeat",
        ...route,
        commit: toSafeInteger(heartbeat.commit),
        readRound: toSafeInteger(heartbeat.readRound),
      },
    });
  }
  return messages;
}

export function decodeAppendResponse(response: AppendEntriesResponse): readonly PeerMessage[] {
  const messages: PeerMessage[] = response.appends.map((result) => {
    const { shard, ...route } = decodeRoute(result.route);
    return {
      shard,
      message: {
        kind: "append-response",
        ...route,
        index: toSafeInteger(result.index),
        reject: result.reject,
        hintIndex: toSafeInteger(result.hintIndex),
        hintTerm: toSafeInteger(result.hintTerm),
      },
    };
  });
  for (const result of response.heartbeats) {
    const { shard, ...route } = decodeRoute(result.route);
    const readRound = toSafeInteger(result.readRound);
    messages.push({ shard, message: { kind: "heartbeat-response", ...route, readRound } });
  }
  return messages;
}

export function decodeVoteRequest(request: RequestVoteRequest): PeerMessage {
  const { shard, ...route } = decodeRoute(request.route);
  return {
    shard,
    message: {
      kind: request.preVote ? "pre-vote" : "vote",
      ...route,
      lastIndex: toSafeInteger(request.lastIndex),
      lastTerm: toSafeInteger(request.lastTerm),
      transfer: request.transfer,
    },
  };
}

export function decodeVoteResponse(response: RequestVoteResponse, preVote: boolean): PeerMessage {
  const { shard, ...route } = decodeRoute(response.route);
  const kind = preVote ? "pre-vote-response" : "vote-response";
  return { shard, message: { kind, ...route, reject: response.reject } };
}

export function decodeTimeoutNow(request: TimeoutNowRequest): PeerMessage {
  const { shard, ...route } = decodeRoute(request.route);
  return { shard, message: { kind: "timeout-now", ...route } };
}

export function decodeReadIndexRequest(request: ReadIndexRequest): PeerMessage {
  const { shard, ...route } = decodeRoute(request.route);
  const context = toSafeInteger(request.context);
  return { shard, message: { kind: "read-index", ...route, context } };
}

export function decodeReadIndexResponse(response: ReadIndexResponse): PeerMessage {
  const { shard, ...route } = decodeRoute(response.route);
  return {
    shard,
    message: {
      kind: "read-index-response",
      ...route,
      index: toSafeInteger(response.index),
      context: toSafeInteger(response.context),
    },
  };
}

export function encodeConfState(state: ConfState): WireConfState {
  return create(ConfStateSchema, {
    voters: [...state.voters],
    learners: [...state.learners],
    votersOutgoing: [...state.votersOutgoing],
    learnersNext: [...state.learnersNext],
    autoLeave: state.autoLeave,
  });
}

export function decodeConfState(state: WireConfState | undefined): ConfState {
  if (state === undefined) throw missing("conf_state");
  return {
    voters: state.voters,
    learners: state.learners,
    votersOutgoing: state.votersOutgoing,
    learnersNext: state.learnersNext,
    autoLeave: state.autoLeave,
  };
}

function missing(field: string): ClusterError {
  return new ClusterError("invalid-argument", `${field} is missing`);
}
