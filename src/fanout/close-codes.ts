/** How a connection ends. 4000-4499: connect again, after `retry_after_ms`. 4500-4999: stop, the same attempt fails again. */
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
  /** It says more in a second than it may, and does not stop when it is refused. */
  "rate-exceeded": 4007,
  "bad-request": 4500,
  "invalid-token": 4501,
  "permission-denied": 4502,
  "connection-limit": 4503,
} as const;

export type CloseCause = keyof typeof CLOSE_CODES;

const STOP_MIN = 4500;

export function mayComeBack(cause: CloseCause): boolean {
  return CLOSE_CODES[cause] < STOP_MIN;
}
