/**
 * What a node serves on its one port besides Raft: its shards to coordinators and fan-outs, the cluster's state to operators.
 * `openRpcServer` takes the parts of the port; close the services first, then the server.
 */
export { AuditSigner } from "./audit-signer.js";
export type { AuditObserver, AuditSignerOptions, CheckpointExport } from "./audit-signer.js";
export { RangeMapKeeper } from "./range-map-keeper.js";
export type { RangeMapKeeperOptions } from "./range-map-keeper.js";
export { OutboxRelay } from "./outbox-relay.js";
export type { OutboxRelayOptions, RelayClock, RelayObserver } from "./outbox-relay.js";
export { openRpcServer } from "./rpc-server.js";
export type { RpcServer, RpcServerOptions } from "./rpc-server.js";
export type { BalanceObserver, LeaderBalancing } from "./leader-balancer.js";
export { createNodeServices } from "./services.js";
export type { NodeServices } from "./services.js";
export type { NodeServicesOptions } from "./context.js";
export { systemCommand } from "./system-command.js";
export { DueWork } from "./due-work.js";
