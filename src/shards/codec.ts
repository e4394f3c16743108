import type { Command, CommandReply, Query, QueryReply } from "../domain/index.js";

/** Port: how commands and queries become bytes, once, on the caller's side. */
export interface ShardCodec {
  encodeCommand(command: Command): Uint8Array;
  encodeQuery(query: Query): Uint8Array;
  decodeReply(bytes: Uint8Array): CommandReply;
  decodeQueryReply(bytes: Uint8Array): QueryReply;
}
