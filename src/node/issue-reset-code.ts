import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { hash, randomBytes } from "node:crypto";
import {
  IssueResetCodeResponseSchema,
  type IssueResetCodeRequest,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import { ClusterError, uuidV7 } from "../base/index.js";
import { findShard } from "../placement/index.js";
import type { NodeContext } from "./context.js";
import { requireDone } from "./ask-shard.js";
import { systemCommand } from "./system-command.js";

const TIMEOUT_MS = 5_000;
const LIFETIME_MS = 3_600_000;
const CODE_BYTES = 20;
const UUID_BYTES = 16;

/** The cluster keeps the hash alone: the code is in this answer and nowhere else. */
export async function issueResetCode(context: NodeContext, { userId }: IssueResetCodeRequest) {
  const { rangeMap, shards } = context.options;
  const shard = findShard(rangeMap, "users", userId);
  if (shard === undefined) throw new ClusterError("not-found", `users/${userId} was not found`);
  const code = randomBytes(CODE_BYTES).toString("base64url");
  const { reply } = await shards.execute(
    shard.number,
    systemCommand(
      {
        kind: "issue-reset-code",
        user: userId,
        codeHash: hash("sha256", code),
        lifetimeMs: LIFETIME_MS,
      },
      uuidV7(Date.now(), randomBytes(UUID_BYTES)),
    ),
    { timeoutMs: TIMEOUT_MS },
  );
  requireDone(reply);
  return create(IssueResetCodeResponseSchema, {
    resetCode: code,
    expireTime: timestampFromMs(Date.now() + LIFETIME_MS),
  });
}
