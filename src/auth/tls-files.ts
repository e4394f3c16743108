import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";

const OTHERS = 0o077;
const WHOLE = /^-----BEGIN CERTIFICATE-----$[^-]+^-----END CERTIFICATE-----\s*$/gmu;
const BEGINNING = "-----BEGIN CERTIFICATE-----";

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Of a key that is about to be used: whoever else could read it may have it. */
export function refuseOpenKey(path: string): void {
  if ((statSync(path).mode & OTHERS) !== 0) {
    throw new Error(`${path} can be read by others: chmod 600 it`);
  }
}

/** Reads a process's certificate and key; refuses a key that others on the machine can read, or that is another's. */
export function loadTlsFiles(paths: {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}): TlsFiles {
  refuseOpenKey(paths.key);
  const files = {
    ca: readFileSync(paths.ca, "utf8"),
    cert: readFileSync(paths.cert, "utf8"),
    key: readFileSync(paths.key, "utf8"),
  };
  // OpenSSL would pass over it, and over those that follow.
  if ((files.ca.match(WHOLE) ?? []).length !== files.ca.split(BEGINNING).length - 1) {
    throw new Error(`${paths.ca}: a certificate does not begin and end on lines of its own`);
  }
  if (!new X509Certificate(files.cert).checkPrivateKey(createPrivateKey(files.key))) {
    throw new Error(`${paths.key} is not the key of ${paths.cert}`);
  }
  return files;
}
