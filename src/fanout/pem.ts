import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const isPemText = (text: string): boolean => text.includes("-----BEGIN ");

/** PEM text, from the text itself or a file of it. */
export function readPem(textOrPath: string): string {
  return isPemText(textOrPath) ? textOrPath : readFileSync(textOrPath, "utf8");
}

/** Runs `use` with paths of PEM files; those that had to be written for it are gone afterwards. */
export function withPemFiles<T>(
  tls: { readonly cert: string; readonly key: string },
  use: (files: { readonly cert: string; readonly key: string }) => T,
): T {
  if (!isPemText(tls.cert) && !isPemText(tls.key)) return use(tls);
  // Readable by this user alone (mkdtemp makes it 0700).
  const directory = mkdtempSync(join(tmpdir(), "cabildo-tls-"));
  try {
    const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
    writeFileSync(files.cert, readPem(tls.cert), { mode: 0o600 });
    writeFileSync(files.key, readPem(tls.key), { mode: 0o600 });
    return use(files);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
