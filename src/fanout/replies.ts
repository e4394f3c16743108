import type { JsonValue } from "@bufbuild/protobuf";
import { ClusterError, ERRORS } from "../base/index.js";
import { retryAfterMsOf, STATUS_NAMES } from "../wire/index.js";

/** How a subscription to one channel began, as the client reads it. */
export type ChannelReply =
  | {
      readonly channel: string;
      /** Every change of the channel after this follows as a push. */
      readonly position: string;
      /** Whether it begins where `since` said; absent if there was none. */
      readonly recovered?: boolean;
    }
  | {
      readonly channel: string;
      readonly recovered: false;
      readonly too_old?: true;
      /** The earliest position from which everything can still be had. */
      readonly first_available?: string;
      readonly error: ErrorBody;
    };

export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  /** The canonical code of gRPC that belongs to `code`, such as `NOT_FOUND`. */
  readonly status: string;
  readonly retry_after_ms?: number;
  /** `not_applied` where nothing happened for certain, `unknown` where nobody can tell. */
  readonly outcome?: string;
  readonly violations?: readonly { readonly field: string; readonly description: string }[];
}

export interface Goodbye {
  readonly code: number;
  readonly reason: string;
  readonly retry_after_ms?: number;
  /** Everything up to here was sent on this connection. */
  readonly position?: string;
}

/** What a client is told of a failure: never its cause. */
export function errorBody(error: unknown): ErrorBody {
  if (!(error instanceof ClusterError)) {
    return {
      code: ERRORS.internal.reason,
      message: "something went wrong here: try again later",
      status: STATUS_NAMES[ERRORS.internal.status],
    };
  }
  const { outcome, violations } = error.details;
  const retryAfterMs = retryAfterMsOf(error);
  const { reason, status } = ERRORS[error.code];
  return {
    code: reason,
    message: error.message,
    status: STATUS_NAMES[status],
    ...(outcome === undefined ? {} : { outcome }),
    ...(violations === undefined ? {} : { violations }),
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
  };
}

export const replies = {
  connect: (
    id: number,
    body: {
      readonly user: string;
      readonly expires: string;
      readonly ping_ms: number;
      /** How long the server waits for a sign of life after a ping. */
      readonly pong_ms: number;
      readonly server: string;
    },
  ): string => JSON.stringify({ id, connect: body }),
  refresh: (id: number, expires: string): string => JSON.stringify({ id, refresh: { expires } }),
  subscribe: (id: number, channels: readonly ChannelReply[]): string =>
    JSON.stringify({ id, subscribe: { channels } }),
  restore: (id: number, channels: readonly ChannelReply[]): string =>
    JSON.stringify({ id, restore: { channels } }),
  /** `position`: everything up to there was sent, on all channels. */
  subscribed: (channels: readonly ChannelReply[], position: string): string =>
    JSON.stringify({ subscribed: { channels, position } }),
  unsubscribe: (id: number, channels: readonly string[]): string =>
    JSON.stringify({ id, unsubscribe: { channels } }),
  /** Without an error: the user chose so. */
  unsubscribed: (channels: readonly string[], error?: ErrorBody): string =>
    JSON.stringify({ unsubscribed: { channels, ...(error === undefined ? {} : { error }) } }),
  rpc: (id: number, response: JsonValue): string => JSON.stringify({ id, rpc: { response } }),
  operator: (id: number, command: string, body: object): string =>
    JSON.stringify({ id, [command]: body }),
  trace: (line: object): string => JSON.stringify({ trace: line }),
  ping: (id: number): string => JSON.stringify({ id, ping: {} }),
  error: (id: number, error: ErrorBody): string => JSON.stringify({ id, error }),
  checkpoint: (position: string): string => JSON.stringify({ checkpoint: { position } }),
  disconnect: (goodbye: Goodbye): string => JSON.stringify({ disconnect: goodbye }),
};
