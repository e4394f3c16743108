import { X509Certificate } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import {
  CERTIFICATE_ROLES,
  createAuthority,
  describeCertificate,
  issueCertificate,
  refuseOpenKey,
} from "../auth/index.js";
import type { CertificateRole, PemPair } from "../auth/index.js";
import { reachable } from "./address.js";
import type { ClusterPlan } from "./cluster-plan.js";
import { CERTIFICATES_DIR } from "./data-dir.js";
import { findFile, writeFileAtomic } from "./files.js";

/** Files of a cluster's certificates that others than its processes use. */
export interface CertificateFiles {
  readonly ca: string;
  readonly operatorCert: string;
  readonly operatorKey: string;
}

/** What a certificate is for. */
export interface CertificateWish {
  readonly name: string;
  readonly role: CertificateRole;
  /** DNS names and IP addresses. */
  readonly hosts: readonly string[];
}

/** The authority's certificate and key. */
export const AUTHORITY = "ca";
/** The certificate of the public doors. */
export const SERVER = "server";
export const OPERATOR = "operator";

const LOCAL_HOSTS = ["localhost", "127.0.0.1", "::1"];
const KEY_MODE = 0o600;
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 365;
/** A certificate that ends sooner is replaced. */
export const RENEW_BEFORE_MS = 30 * DAY_MS;

/** Makes what is missing, ends soon, or does not say what it has to. */
export async function ensureCertificates(
  dataDir: string,
  { cluster, coordinators, fanouts }: ClusterPlan,
  host: string,
): Promise<CertificateFiles> {
  const directory = join(dataDir, CERTIFICATES_DIR);
  const hosts = [...new Set([...LOCAL_HOSTS, reachable(host)])];
  // Processes call each other by name, whatever the address.
  const wish = (name: string, role: CertificateRole): CertificateWish => ({
    name,
    role,
    hosts: [name, ...hosts],
  });
  const wishes = [
    ...cluster.nodes.map(({ name }) => wish(name, "node")),
    ...coordinators.map(({ name }) => wish(name, "coordinator")),
    ...fanouts.map(({ name }) => wish(name, "fanout")),
    { name: SERVER, role: "server", hosts } as const,
    { name: OPERATOR, role: "operator", hosts: [] } as const,
  ];
  await renewCertificates(directory, cluster.name, wishes);
  return {
    ca: certPath(directory, AUTHORITY),
    operatorCert: certPath(directory, OPERATOR),
    operatorKey: keyPath(directory, OPERATOR),
  };
}

/** Issues those that are missing, end soon, or do not say what they have to. */
export async function renewCertificates(
  directory: string,
  clusterName: string,
  wishes: readonly CertificateWish[],
): Promise<void> {
  const authority = await ensureAuthority(directory, clusterName);
  for (const one of wishes) {
    if (await isGood(directory, one, authority)) continue;
    await writePair(directory, one.name, await issue(authority, clusterName, one));
  }
}

/** The authority that a directory holds; a new one if there is none. */
export async function ensureAuthority(directory: string, clusterName: string): Promise<PemPair> {
  const kept = await findPair(directory, AUTHORITY);
  if (kept !== undefined) return kept;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const made = await createAuthority({
    cluster: clusterName,
    days: AUTHORITY_DAYS,
    nowMs: Date.now(),
  });
  await writePair(directory, AUTHORITY, made);
  return made;
}

export async function issue(
  authority: PemPair,
  clusterName: string,
  { name, role, hosts }: CertificateWish,
): Promise<PemPair> {
  return await issueCertificate(authority, {
    cluster: clusterName,
    name,
    role,
    hosts,
    days: LEAF_DAYS,
    nowMs: Date.now(),
  });
}

/** Makes each anew, with the same names for the same hosts, that is wanted; says which. */
export async function reissueCertificates(
  directory: string,
  isWanted: (name: string, expireMs: number) => boolean,
): Promise<readonly string[]> {
  const authority = await findPair(directory, AUTHORITY);
  if (authority === undefined) throw new Error(noAuthority(directory));
  const files = await readdir(directory);
  const renewed: string[] = [];
  for (const name of files.map((file) => /^(.+)-key\.pem$/u.exec(file)?.[1] ?? AUTHORITY)) {
    const pair = name === AUTHORITY ? undefined : await findPair(directory, name);
    if (pair === undefined) continue;
    const { names, expireMs } = describeCertificate(pair.cert);
    const wish = findWish(names);
    if (wish === undefined || !isWanted(name, expireMs)) continue;
    await writePair(directory, name, await issue(authority, wish.cluster, wish));
    renewed.push(name);
  }
  return renewed;
}

/** For which hosts a certificate was made; none if there is none. */
export async function hostsOf(directory: string, name: string): Promise<readonly string[]> {
  const cert = await findFile(certPath(directory, name));
  return cert === undefined ? [] : (findWish(describeCertificate(cert).names)?.hosts ?? []);
}

/** What a certificate was made for, by its names as Node tells them. */
function findWish(names: string): (CertificateWish & { readonly cluster: string }) | undefined {
  const [, cluster, role, name] = /URI:cabildo:\/\/([^/]+)\/([^/]+)\/([^/,]+)/u.exec(names) ?? [];
  const known = CERTIFICATE_ROLES.find((candidate) => candidate === role);
  if (cluster === undefined || name === undefined || known === undefined) return undefined;
  const hosts = names
    .split(", ")
    .flatMap((one) => /^(?:DNS|IP Address):(.+)$/u.exec(one)?.[1] ?? []);
  return { cluster, name, role: known, hosts };
}

export const noAuthority = (directory: string): string =>
  `there is no authority in ${directory}: run \`cabildo certs init\` first`;

export async function findPair(directory: string, name: string): Promise<PemPair | undefined> {
  const cert = await findFile(certPath(directory, name));
  const key = await findFile(keyPath(directory, name));
  if (cert === undefined || key === undefined) return undefined;
  refuseOpenKey(keyPath(directory, name));
  return { cert, key };
}

/** The key first: a certificate whose key is missing is made again. */
export async function writePair(
  directory: string,
  name: string,
  { cert, key }: PemPair,
): Promise<void> {
  await writeFileAtomic(keyPath(directory, name), key, KEY_MODE);
  await writeFileAtomic(certPath(directory, name), cert);
}

export const certPath = (directory: string, name: string): string => join(directory, `${name}.pem`);
export const keyPath = (directory: string, name: string): string =>
  join(directory, `${name}-key.pem`);

async function isGood(
  directory: string,
  { name, hosts }: CertificateWish,
  authority: PemPair,
): Promise<boolean> {
  const pair = await findPair(directory, name);
  if (pair === undefined) return false;
  const certificate = new X509Certificate(pair.cert);
  const issuer = new X509Certificate(authority.cert);
  return (
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey) &&
    describeCertificate(pair.cert).expireMs - Date.now() > RENEW_BEFORE_MS &&
    hosts.every((host) =>
      isIP(host) === 0
        ? certificate.checkHost(host) !== undefined
        : certificate.checkIP(host) !== undefined,
    )
  );
}
