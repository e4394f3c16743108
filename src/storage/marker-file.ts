import { close, constants, fdatasync, fsync, open, read, write } from "node:fs";
import { open as openHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { platform } from "node:os";
import { promisify } from "node:util";
import { MARKER_BYTES } from "./marker.js";
import type { MarkerMedium } from "./marker-writer.js";

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);
const writeFile = promisify(write);
const syncFile = promisify(fsync);

/**
 * One trip through the thread pool instead of two. Elsewhere the flag does not reach the platter.
 */
const SYNCS_EACH_WRITE = platform() === "linux";
const FLAGS = constants.O_RDWR | (SYNCS_EACH_WRITE ? constants.O_DSYNC : 0);

/**
 * The marker as a preallocated file: its length never changes, so fdatasync need not touch the
 * directory.
 */
export class MarkerFile implements MarkerMedium {
  readonly #path: string;
  #fd: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<Buffer | undefined> {
    this.#fd = await openFile(this.#path, FLAGS).catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    });
    if (this.#fd === undefined) return undefined;
    const bytes = Buffer.alloc(MARKER_BYTES);
    await readFile(this.#fd, bytes, 0, bytes.length, 0);
    return bytes;
  }

  async format(): Promise<void> {
    this.#fd ??= await openFile(this.#path, FLAGS | constants.O_CREAT);
    await writeFile(this.#fd, Buffer.alloc(MARKER_BYTES), 0, MARKER_BYTES, 0);
    await syncFile(this.#fd);
    await syncDirectory(dirname(this.#path));
  }

  write(offset: number, bytes: Buffer, callback: (error: Error | undefined) => void): void {
    const fd = this.#fd;
    if (fd === undefined) {
      callback(new Error("the marker file is closed"));
      return;
    }
    write(fd, bytes, 0, bytes.length, offset, (error, written) => {
      if (error) callback(error);
      else if (written !== bytes.length) callback(new Error("the marker was written in part"));
      else if (SYNCS_EACH_WRITE) callback(undefined);
      else fdatasync(fd, (failed) => callback(failed ?? undefined));
    });
  }

  async close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) await closeFile(fd);
  }
}

/** Makes names that were created in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await openHandle(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
