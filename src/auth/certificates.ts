import { webcrypto, X509Certificate as NodeCertificate } from "node:crypto";
import { isIP } from "node:net";
import type * as X509 from "@peculiar/x509";

/** What a process or person may do, as its certificate says. `server` stands for the public doors and means nothing inside. */
export type CertificateRole = (typeof CERTIFICATE_ROLES)[number];

export const CERTIFICATE_ROLES = [
  "node",
  "coordinator",
  "fanout",
  "operator",
  "auditor",
  "server",
] as const;

export interface PemPair {
  /** Certificate, PEM. */
  readonly cert: string;
  /** Private key, PKCS #8 PEM. */
  readonly key: string;
}

export interface CertificateRequest {
  readonly cluster: string;
  readonly role: CertificateRole;
  readonly name: string;
  /** DNS names and addresses under which it is reached. */
  readonly hosts: readonly string[];
  readonly days: number;
  readonly nowMs: number;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 24 * 3600 * 1000;
/** Clocks of other machines may be a little behind. */
const BACKDATED_MS = 5 * 60 * 1000;
const SERIAL_BYTES = 16;

/** A certificate authority of its own for one cluster. */
export async function createAuthority(options: {
  readonly cluster: string;
  readonly days: number;
  readonly nowMs: number;
}): Promise<PemPair> {
  const x509 = await loadX509();
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${options.cluster} authority`,
    ...validity(options),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pairOf(certificate, keys.privateKey);
}

/** A leaf with exactly one URI name, `cabildo://<cluster>/<role>/<name>`: who it is to other processes. */
export async function issueCertificate(
  authority: PemPair,
  request: CertificateRequest,
): Promise<PemPair> {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(authority.cert);
  const keys = await generateKeys();
  const names: X509.JsonGeneralName[] = [
    { type: "url", value: `cabildo://${request.cluster}/${request.role}/${request.name}` },
    ...request.hosts.map((value): X509.JsonGeneralName => ({
      type: isIP(value) === 0 ? "dns" : "ip",
      value,
    })),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: `CN=${request.name}`,
    issuer: issuer.subject,
    ...validity(request),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return pairOf(certificate, keys.privateKey);
}

export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly names: string;
  readonly notBeforeMs: number;
  readonly expireMs: number;
  readonly fingerprint: string;
}

/** What a person wants to know of a certificate. */
export function describeCertificate(pem: string | Uint8Array): CertificateFacts {
  const certificate = new NodeCertificate(pem);
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    names: certificate.subjectAltName ?? "",
    notBeforeMs: Date.parse(certificate.validFrom),
    expireMs: Date.parse(certificate.validTo),
    fingerprint: certificate.fingerprint256,
  };
}

/** Only who makes certificates pays for the library, which takes longer to load than a node to start. */
async function loadX509(): Promise<typeof X509> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

/** Each text ends its last line: two, one after the other, are a bundle. */
async function pairOf(
  certificate: X509.X509Certificate,
  key: webcrypto.CryptoKey,
): Promise<PemPair> {
  return { cert: `${certificate.toString("pem")}\n`, key: `${await exportKey(key)}\n` };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const x509 = await loadX509();
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return x509.PemConverter.encode(der, "PRIVATE KEY");
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const x509 = await loadX509();
  const der = x509.PemConverter.decodeFirst(pem);
  return webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

function serial(): string {
  const bytes = Buffer.from(webcrypto.getRandomValues(new Uint8Array(SERIAL_BYTES)));
  // A positive integer without a leading zero byte (RFC 5280, 4.1.2.2).
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function validity(options: { readonly nowMs: number; readonly days: number }): {
  notBefore: Date;
  notAfter: Date;
} {
  return {
    notBefore: new Date(options.nowMs - BACKDATED_MS),
    notAfter: new Date(options.nowMs + options.days * DAY_MS),
  };
}
