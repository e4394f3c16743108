import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { findFile, writeFileAtomic } from "./files.js";

const CREDENTIAL_BYTES = 32;
const ADMIN_CREDENTIAL_FILE = "admin-credential";

/** The secret that makes the first administrator. The cluster knows its hash alone. */
export interface AdminCredential {
  readonly path: string;
  /** SHA-256 in hex of the text in the file. */
  readonly hash: string;
}

/** Makes one for a new cluster. A cluster that exists keeps the hash it has, whatever became of the file. */
export async function ensureAdminCredential(
  dataDir: string,
  knownHash: string | undefined,
): Promise<AdminCredential> {
  const path = join(dataDir, ADMIN_CREDENTIAL_FILE);
  if (knownHash !== undefined) return { path, hash: knownHash };
  const kept = (await findFile(path))?.trim();
  const secret = kept ?? randomBytes(CREDENTIAL_BYTES).toString("base64url");
  if (kept === undefined) await writeFileAtomic(path, `${secret}\n`, 0o600);
  return { path, hash: createHash("sha256").update(secret).digest("hex") };
}
