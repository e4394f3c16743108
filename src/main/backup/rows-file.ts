import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { decodeSnapshotRows, encodeSnapshotRows } from "../../wire/index.js";
import { isNodeError } from "../files.js";

/** A row of a shard, opaque but to the store. */
export interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Says what went through: equal where the same rows came in the same order, however they were cut. */
export class RowsDigest {
  readonly #hash = createHash("sha256");
  #rows = 0;
  #bytes = 0;

  /** Whole encoded rows. */
  add(encoded: Uint8Array, rows: number): void {
    this.#hash.update(encoded);
    this.#rows += rows;
    this.#bytes += encoded.length;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Once. */
  end(): RowsSummary {
    return { rows: this.#rows, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }
}

export interface RowsSummary {
  readonly rows: number;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** [length u32][crc-32 of what follows u32], then whole rows. */
const HEADER_BYTES = 8;
const PART_BYTES_MAX = 8 * 1024 * 1024;

/** Writes parts as they come and makes them durable before it resolves. */
export async function writeRowsFile(
  path: string,
  parts: AsyncIterable<Uint8Array>,
  progress: (bytes: number) => void,
): Promise<RowsSummary> {
  const digest = new RowsDigest();
  const file = await open(path, "w", 0o600);
  try {
    for await (const part of parts) {
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt32BE(part.length, 0);
      header.writeUInt32BE(crc32(part), 4);
      await file.writev([header, part]);
      digest.add(part, decodeSnapshotRows(part).length);
      progress(digest.bytes);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return digest.end();
}

/** Fails at the first part that is not what was written. */
export async function* readRowsFile(path: string): AsyncGenerator<readonly Row[]> {
  const file = await open(path, "r").catch((cause: unknown) => {
    if (!isNodeError(cause) || cause.code !== "ENOENT") throw cause;
    throw new Error(`${path} is missing: use another backup`);
  });
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(header, 0, HEADER_BYTES);
      if (bytesRead === 0) return;
      const length = header.readUInt32BE(0);
      if (bytesRead < HEADER_BYTES || length > PART_BYTES_MAX) throw damaged(path);
      const part = Buffer.alloc(length);
      const body = await file.read(part, 0, length);
      if (body.bytesRead < length || crc32(part) !== header.readUInt32BE(4)) throw damaged(path);
      yield decodeSnapshotRows(part);
    }
  } finally {
    await file.close();
  }
}

/** Passes rows on and says at the end what went through. */
export async function* digesting(
  rows: AsyncIterable<readonly Row[]>,
  digest: RowsDigest,
): AsyncGenerator<readonly Row[]> {
  for await (const some of rows) {
    digest.add(encodeSnapshotRows(some), some.length);
    yield some;
  }
}

export async function digestOf(rows: AsyncIterable<readonly Row[]>): Promise<RowsSummary> {
  const digest = new RowsDigest();
  for await (const some of rows) digest.add(encodeSnapshotRows(some), some.length);
  return digest.end();
}

function damaged(path: string): Error {
  return new Error(`${path} is damaged: use another backup`);
}
