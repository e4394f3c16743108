/**
 * PeerTransport over gRPC. A node creates one network, adds its `service` to its server, and calls `start` once its runtime
 * can listen. Everything is mutual TLS between certificates of role node of one cluster.
 */
export { createPeerTransport } from "./transport.js";
export type { PeerNetwork, PeerTransportOptions } from "./transport.js";
export type { PeerObserver } from "./observer.js";
