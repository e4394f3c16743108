export { createStoreCodec } from "./codec.js";
export { decodeCommand, encodeCommand } from "./commands.js";
export { decodeReply, encodeReply } from "./replies.js";
export { decodeQuery, decodeQueryReply, encodeQuery, encodeQueryReply } from "./queries.js";
export { decodeChange, encodeChange } from "./changes.js";
