/** What every folder may use: failing loudly, failing politely, and small containers. Depends on nothing. */
export { AllowedOrigins, isOfHost } from "./allowed-origins.js";
export type { CallNote, CallObserver, ObservedCall } from "./call-observer.js";
export { Cancellation, toAbortSignal } from "./cancellation.js";
export type { CancelSignal } from "./cancellation.js";
export { assert, InvariantViolation, unreachable } from "./assert.js";
export { ClusterError, ERRORS, isErrorCode, isFault } from "./errors.js";
export type { ErrorCode, ErrorDetails, ErrorSpec, StatusCode } from "./errors.js";
export { uuidV7 } from "./uuid-v7.js";
export { Patience } from "./patience.js";
export { TokenBucket } from "./token-bucket.js";
export { parseIdentity } from "./identity.js";
export type { Identity, IdentityRole } from "./identity.js";
