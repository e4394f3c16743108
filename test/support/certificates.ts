import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type JsonGeneralNames,
  type X509Certificate,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 24 * 3600 * 1000;
const USAGE = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];

export interface TestTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate authority in memory. */
export interface TestAuthority {
  readonly ca: Buffer;
  /** A certificate for localhost with these URIs among its alternative names, and the DNS names given. */
  issue(uris: readonly string[], dnsNames?: readonly string[]): Promise<TestTls>;
  /** The certificate of a process of a cluster. */
  process(cluster: string, role: string, name: string): Promise<TestTls>;
}

let serial = 1;

export async function createTestAuthority(): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const authority = await X509CertificateGenerator.createSelfSigned({
    serialNumber: String(serial++).padStart(2, "0"),
    name: "CN=test",
    ...validity(),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  const ca = Buffer.from(authority.toString("pem"));
  const issue = async (uris: readonly string[], dnsNames: readonly string[] = []) => {
    const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const names: JsonGeneralNames = [
      ...uris.map((value) => ({ type: "url" as const, value })),
      ...["localhost", ...dnsNames].map((value) => ({ type: "dns" as const, value })),
      { type: "ip", value: "127.0.0.1" },
    ];
    const certificate = await leaf(authority, keys.privateKey, own.publicKey, names);
    return { ca, cert: Buffer.from(certificate.toString("pem")), key: await pem(own.privateKey) };
  };
  return {
    ca,
    issue,
    process: (cluster, role, name) => issue([`cabildo://${cluster}/${role}/${name}`], [name]),
  };
}

function leaf(
  authority: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  publicKey: webcrypto.CryptoKey,
  names: JsonGeneralNames,
): Promise<X509Certificate> {
  return X509CertificateGenerator.create({
    serialNumber: String(serial++).padStart(2, "0"),
    subject: "CN=process",
    issuer: authority.subject,
    ...validity(),
    publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new ExtendedKeyUsageExtension(USAGE), new SubjectAlternativeNameExtension(names)],
  });
}

function validity(): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
}

async function pem(key: webcrypto.CryptoKey): Promise<Buffer> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return Buffer.from(`-----BEGIN PRIVATE KEY-----\n${bytes}\n-----END PRIVATE KEY-----\n`);
}
