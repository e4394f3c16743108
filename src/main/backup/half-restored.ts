import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isNodeError, writeFileAtomic } from "../files.js";

/** Lies in a directory that is being restored into, from before the first row is written until all of it is there. */
const MARK = "restoring";

/** Fills an empty directory, or one in which filling was interrupted: what came then is deleted. Nothing starts in it before. */
export async function fillDirectory<T>(directory: string, fill: () => Promise<T>): Promise<T> {
  await requireFillable(directory);
  const names = await namesIn(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const mark = join(directory, MARK);
  // Written anew, so that the mark itself is never missing: its writing may have been interrupted, too.
  await writeFileAtomic(mark, "cabildo restore was not finished\n");
  for (const name of names.filter((one) => one !== MARK)) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
  const filled = await fill();
  await rm(mark);
  return filled;
}

export async function requireFillable(directory: string): Promise<void> {
  const names = await namesIn(directory);
  if (names.length === 0 || names.includes(MARK)) return;
  throw new Error(`${directory} is not empty: restore into a new directory`);
}

/** Half of a restored state must not be taken for all of it. */
export async function refuseHalfRestored(directory: string): Promise<void> {
  if (!(await namesIn(directory)).includes(MARK)) return;
  throw new Error(
    `${directory} is half of a restored backup: \`cabildo restore\` was interrupted; run it again, it begins anew`,
  );
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((cause: unknown) => {
    if (isNodeError(cause) && cause.code === "ENOENT") return [];
    throw cause;
  });
}
