import { ClusterError, ERRORS } from "../base/index.js";

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
  readonly retry_after_ms?: number;
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
    return { code: ERRORS.internal.reason, message: "something went wrong here: try again later" };
  }
  const { retryAfterMs } = error.details;
  return {
    code: ERRORS[error.code].reason,
    message: error.message,
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
      readonly server: string;
    },
  ): string => JSON.stringify({ id, connect: body }),
  refresh: (id: number, expires: string): string => JSON.stringify({ id, refresh: { expires } }),
  subscribe: (id: number, channels: readonly ChannelReply[]): string =>
    JSON.stringify({ id, subscribe: { channels } }),
  unsubscribe: (id: number, channels: readonly string[]): string =>
    JSON.stringify({ id, unsubscribe: { channels } }),
  ping: (id: number): string => JSON.stringify({ id, ping: {} }),
  error: (id: number, error: ErrorBody): string => JSON.stringify({ id, error }),
  checkpoint: (position: string): string => JSON.stringify({ checkpoint: { position } }),
  disconnect: (goodbye: Goodbye): string => JSON.stringify({ disconnect: goodbye }),
};
