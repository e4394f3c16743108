/**
 * The WSS tier: every committed change to everybody who subscribed to it, in order, nothing lost and nothing twice. The
 * protocol is in docs/LIVE.md. Holds only what it can rebuild: any fan-out serves any client's position.
 */
export { SUBPROTOCOL } from "./fanout-server.js";
export { startFanout } from "./start-fanout.js";
export type { Fanout, FanoutOptions } from "./start-fanout.js";
export { probeNativeTransport } from "./probe-native-transport.js";
export type { NativeProbe } from "./probe-native-transport.js";
export { CLOSE_CODES } from "./close-codes.js";
export type { CloseCause } from "./close-codes.js";
export { DEFAULT_LIMITS } from "./limits.js";
export type { Limits } from "./limits.js";
export type { Backlog } from "./backlog.js";
export type { Clock } from "./clock.js";
export type { FanoutEvent, FanoutObserver, ResumeOutcome } from "./events.js";
export type { Logger } from "./logger.js";
export type { TransportKind } from "./transport.js";
