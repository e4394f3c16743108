/**
 * How a connection ends. 4000-4499: connect again, after `retry_after_ms` where one was given. 4500-4999: stop, the same
 * attempt fails again.
 */
export const CLOSE_CODES = {
  shutdown: 4000,
  "token-expired": 4001,
  "too-slow": 4002,
  "no-pong": 4003,
  overloaded: 4004,
  /** The feed below the connection was restored or has moved on: subscribe again from the last position. */
  "feed-interrupted": 4005,
  /** It was open for as long as one may be. */
  lifetime: 4006,
  "bad-request": 4500,
  "invalid-token": 4501,
  "permission-denied": 4502,
  "limit-exceeded": 4503,
} as const;

export type CloseCause = keyof typeof CLOSE_CODES;
