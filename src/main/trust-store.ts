import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { access, chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findFile, isNodeError } from "./files.js";

/** Where a machine keeps the authorities that its administrator added, and what makes programs see a change of them. */
export interface TrustStore {
  readonly directory: string;
  readonly update: { readonly command: string; readonly args: readonly string[] };
}

/** Of Debian and what comes of it. Browsers have stores of their own. */
export const DEBIAN_STORE: TrustStore = {
  directory: "/usr/local/share/ca-certificates",
  // Without --fresh, links to what was removed stay, and are followed again once something of that name is there.
  update: { command: "/usr/sbin/update-ca-certificates", args: ["--fresh"] },
};

export interface TrustChange {
  readonly kind: "add" | "remove";
  /** PEM, of one authority or several. */
  readonly authorities: string;
  /** Whether to do what the question says. */
  readonly ask: (question: string) => Promise<boolean>;
}

export type TrustOutcome = "done" | "nothing to do" | "declined";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/gu;
const ID_LENGTH = 16;

/** Makes this machine believe the authorities, or no longer. Nothing is written before it was asked. */
export async function changeTrust(
  store: TrustStore,
  { kind, authorities, ask }: TrustChange,
): Promise<TrustOutcome> {
  const wanted = [...authorities.matchAll(CERTIFICATE)].map(([pem]) => entryOf(store, pem));
  if (wanted.length === 0) throw new Error("there is no certificate in the file");
  await requireDirectory(store);
  const found = await Promise.all(
    wanted.map(async ({ path, pem }) => (await findFile(path)) === pem),
  );
  const changed = wanted.filter((_, i) => found[i] === (kind === "remove"));
  if (changed.length === 0) return "nothing to do";
  if (!(await ask(questionOf(kind, changed)))) return "declined";
  try {
    await write(kind, changed);
  } catch (cause) {
    if (!isNodeError(cause) || cause.code !== "EACCES") throw cause;
    throw new Error(`${store.directory} belongs to root: run this as root`, { cause });
  }
  try {
    await update(store);
  } catch (cause) {
    // Or the next attempt finds nothing to do.
    await write(kind === "add" ? "remove" : "add", changed);
    throw cause;
  }
  return "done";
}

interface Entry {
  readonly pem: string;
  readonly path: string;
  readonly certificate: X509Certificate;
}

async function write(kind: TrustChange["kind"], entries: readonly Entry[]): Promise<void> {
  for (const { path, pem } of entries) {
    if (kind === "remove") await rm(path);
    else {
      await writeFile(path, pem);
      // Whoever adds it may keep new files from others, and all programs have to read it.
      await chmod(path, 0o644);
    }
  }
}

/** Named for what it is: authorities of several clusters do not meet. */
function entryOf({ directory }: TrustStore, pem: string): Entry {
  const certificate = new X509Certificate(pem);
  if (!certificate.ca) {
    throw new Error(`${certificate.subject} is no authority: give the file ca.pem`);
  }
  const id = certificate.fingerprint256.replaceAll(":", "").slice(0, ID_LENGTH).toLowerCase();
  return { pem, certificate, path: join(directory, `cabildo-${id}.crt`) };
}

function questionOf(kind: TrustChange["kind"], entries: readonly Entry[]): string {
  const what = entries.map(
    ({ certificate, path }) =>
      `  ${certificate.subject} (SHA-256 ${certificate.fingerprint256})\n  ${path}\n`,
  );
  const then =
    kind === "add"
      ? "Every program of this machine will believe certificates of:"
      : "Programs of this machine will no longer believe certificates of:";
  return `${then}\n${what.join("")}Go on?`;
}

async function requireDirectory({ directory }: TrustStore): Promise<void> {
  try {
    await access(directory);
  } catch (cause) {
    const problem = `this machine has no ${directory}: add the certificate where it keeps its authorities`;
    throw new Error(problem, { cause });
  }
}

async function update({ update: { command, args } }: TrustStore): Promise<void> {
  try {
    await promisify(execFile)(command, [...args]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`nothing is changed, because ${command} failed: ${why.trim()}`, { cause });
  }
}
