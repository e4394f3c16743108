import { create } from "@bufbuild/protobuf";
import { randomBytes } from "node:crypto";
import { RotateKeysResponseSchema } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { generateSigningKey } from "../auth/index.js";
import { uuidV7 } from "../base/index.js";
import { readClusterKeys } from "./audit-service.js";
import { requireShard, type AsksShards } from "./require-shard.js";
import { requireDone } from "./ask-shard.js";
import { systemCommand } from "./system-command.js";

const TIMEOUT_MS = 5_000;
const UUID_BYTES = 16;

/** Doors learn of it within a minute; until then they sign with the key before, which holds still. */
export async function rotateKeys(context: AsksShards) {
  const before = await readClusterKeys(context);
  const { number } = requireShard(context, "system");
  const { reply } = await context.options.shards.execute(
    number,
    systemCommand(
      {
        kind: "rotate-cluster-keys",
        expected: before.current.id,
        next: await generateSigningKey(),
      },
      uuidV7(Date.now(), randomBytes(UUID_BYTES)),
    ),
    { timeoutMs: TIMEOUT_MS },
  );
  requireDone(reply);
  const { current, next } = await readClusterKeys(context);
  return create(RotateKeysResponseSchema, { currentKeyId: current.id, nextKeyId: next.id });
}
