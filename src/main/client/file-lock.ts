import { open, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isNodeError } from "../files.js";

const RETRY_MS = 50;
/** Longer than any holder needs: one that is older belongs to a process that died. */
const STALE_MS = 15_000;
const PATIENCE_MS = 20_000;

/** Runs `work` while no other process that takes the same lock file does. */
export async function withFileLock<Result>(
  path: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await tryLock(path))) {
    if (performance.now() > deadlineMs) {
      throw new Error(`another process holds ${path}: remove the file if there is none`);
    }
    await breakStale(path);
    await sleep(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o600);
    await file.close();
    return true;
  } catch (cause) {
    if (isNodeError(cause) && cause.code === "EEXIST") return false;
    throw cause;
  }
}

async function breakStale(path: string): Promise<void> {
  try {
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > STALE_MS) await rm(path, { force: true });
  } catch (cause) {
    if (!isNodeError(cause) || cause.code !== "ENOENT") throw cause;
  }
}
