/** What a node serves on its one port besides Raft. */
export { openRpcServer } from "./rpc-server.js";
export type { RpcServer, RpcServerOptions } from "./rpc-server.js";
