/**
 * The public API, once, whatever the protocol: a call comes in as a message, is authenticated, authorised, validated and
 * done by the shards that own what it is about.
 */
export { createGateway } from "./create-gateway.js";
export type { GatewayOptions, RunningGateway } from "./create-gateway.js";
export { mayGoOn } from "./channel-rights.js";
export { RATE_LIMITS } from "./rate-limits.js";
export type { RateLimits } from "./rate-limits.js";
export { PUBLIC_SERVICES } from "./public-services.js";
export type * from "./types.js";
