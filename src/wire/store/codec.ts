import { hash } from "node:crypto";
import type { Codec } from "../../machine/index.js";
import { encodeChange } from "./changes.js";
import { decodeCommand } from "./commands.js";
import { decodeQuery, encodeQueryReply } from "./queries.js";
import { encodeReply } from "./replies.js";
import { ROW_CODECS } from "./rows.js";

/** How a shard's commands, rows, replies and changes become bytes: `cabildo.store.v1`. */
export function createStoreCodec(): Codec {
  return {
    decodeCommand,
    encodeReply,
    decodeQuery,
    encodeQueryReply,
    encodeChange,
    digest: (bytes) => hash("sha256", bytes, "buffer"),
    rows: ROW_CODECS,
  };
}
