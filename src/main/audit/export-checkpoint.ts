import { open } from "node:fs/promises";
import { join } from "node:path";
import type { AuditCheckpoint } from "../../domain/index.js";
import { auditCheckpointToPublic } from "../../wire/index.js";
import { formatCheckpoint } from "./trail-file.js";

const FILE = "audit-checkpoints.jsonl";

/**
 * Adds a checkpoint to a file beside the node's store, for whoever copies it out of reach of the cluster: lines of this file are
 * what `cabildo audit verify` takes beside an export.
 */
export async function exportCheckpoint(
  directory: string,
  shard: string,
  checkpoint: AuditCheckpoint,
): Promise<void> {
  const file = await open(join(directory, FILE), "a", 0o600);
  try {
    await file.write(`${formatCheckpoint(auditCheckpointToPublic(shard, checkpoint))}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}
