import { createHash, randomBytes } from "node:crypto";

const SECRET_BYTES = 32;
const PATTERN = /^cr1\.([a-z0-9-]{1,63})\.([a-z0-9]{1,40})\.([A-Za-z0-9_-]{43})$/;

export interface RefreshToken {
  readonly user: string;
  readonly session: string;
  /** The whole token, as the client holds it. */
  readonly text: string;
  /** What the cluster keeps of it: SHA-256 in hex. */
  readonly hash: string;
}

export function createRefreshToken(user: string, session: string): RefreshToken {
  const text = `cr1.${user}.${session}.${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { user, session, text, hash: sha256Hex(text) };
}

export function parseRefreshToken(text: string): RefreshToken | undefined {
  const [, user, session] = PATTERN.exec(text) ?? [];
  if (user === undefined || session === undefined) return undefined;
  return { user, session, text, hash: sha256Hex(text) };
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
