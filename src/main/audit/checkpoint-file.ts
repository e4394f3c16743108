import { open, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { AuditCheckpoint } from "../../domain/index.js";
import type { CheckpointExport } from "../../node/index.js";
import { auditCheckpointToPublic } from "../../wire/index.js";
import { isNodeError } from "../files.js";
import { findCheckpoint, formatCheckpoint } from "./trail-file.js";

const FILE = "audit-checkpoints.jsonl";
/** Of the end of the file, that are read to know what is there; of a shard that is not in them, all is written anew. */
const READ_BYTES_MAX = 8 * 1024 * 1024;

/**
 * The checkpoints of a node in a file beside its store, for whoever copies it out of reach of the cluster: lines of this file are
 * what `cabildo audit verify` takes beside an export.
 */
export class CheckpointFile implements CheckpointExport {
  readonly #path: string;
  #last: Map<string, number> | undefined;

  constructor(directory: string) {
    this.#path = join(directory, FILE);
  }

  async last(shard: string): Promise<number> {
    this.#last ??= await readLast(this.#path);
    return this.#last.get(shard) ?? 0;
  }

  async add(shard: string, checkpoints: readonly AuditCheckpoint[]): Promise<void> {
    const lines = checkpoints.map(
      (checkpoint) => `${formatCheckpoint(auditCheckpointToPublic(shard, checkpoint))}\n`,
    );
    const file = await open(this.#path, "a", 0o600);
    try {
      const { size } = await file.stat();
      try {
        await file.writeFile(lines.join(""));
        await file.sync();
      } catch (cause) {
        await file.truncate(size).catch(() => undefined);
        throw cause;
      }
    } finally {
      await file.close();
    }
    this.#last?.set(shard, checkpoints.at(-1)?.number ?? 0);
  }
}

/** By shard; cuts off a line that a power cut left unfinished. */
async function readLast(path: string): Promise<Map<string, number>> {
  const size = await sizeOf(path);
  const start = Math.max(0, size - READ_BYTES_MAX);
  const bytes = await readFrom(path, start, size - start);
  const end = bytes.lastIndexOf("\n") + 1;
  if (end < bytes.length) await truncate(path, start + end);
  const last = new Map<string, number>();
  for (const line of bytes.subarray(0, end).toString("utf8").split("\n")) {
    const checkpoint = findCheckpoint(line);
    if (checkpoint !== undefined) last.set(checkpoint.shard, Number(checkpoint.number));
  }
  return last;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    if (isNodeError(cause) && cause.code === "ENOENT") return 0;
    throw cause;
  }
}

async function readFrom(path: string, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  if (length === 0) return buffer;
  const file = await open(path, "r");
  try {
    const { bytesRead } = await file.read(buffer, 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
