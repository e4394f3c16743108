/** What every folder may use: failing loudly, failing politely, and small containers. Depends on nothing. */
export { assert, InvariantViolation, unreachable } from "./assert.js";
export { ClusterError, ERRORS, isErrorCode } from "./errors.js";
export type { ErrorCode, ErrorDetails, ErrorSpec, StatusCode } from "./errors.js";
export { parseIdentity } from "./identity.js";
export type { Identity, IdentityRole } from "./identity.js";
