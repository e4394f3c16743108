import { readFileSync, statSync } from "node:fs";

const OTHERS = 0o077;

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Reads a process's certificate and key; refuses a key that others on the machine can read. */
export function loadTlsFiles(paths: {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}): TlsFiles {
  if ((statSync(paths.key).mode & OTHERS) !== 0) {
    throw new Error(`${paths.key} can be read by others: chmod 600 it`);
  }
  return {
    ca: readFileSync(paths.ca, "utf8"),
    cert: readFileSync(paths.cert, "utf8"),
    key: readFileSync(paths.key, "utf8"),
  };
}
