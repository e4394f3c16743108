/**
 * The public door of the cluster: gRPC, gRPC-Web, Connect and REST on one port with TLS, for whatever the gateway answers.
 * Close it before what the gateway stands on.
 */
export { startCoordinator } from "./start-coordinator.js";
export type { Coordinator, CoordinatorOptions } from "./start-coordinator.js";
export { DEFAULT_LIMITS } from "./limits.js";
export type { CoordinatorLimits } from "./limits.js";
export type { Backend, CallMetadata, EdgeCall } from "./backend.js";
export type { Clock } from "./clock.js";
export type { Logger } from "./logger.js";
