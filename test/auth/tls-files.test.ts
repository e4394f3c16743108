import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createAuthority, issueCertificate, loadTlsFiles } from "../../src/auth/index.js";
import type { PemPair } from "../../src/auth/index.js";

const LIFE = { days: 1, nowMs: Date.now() };
const NODE = { cluster: "c", role: "node", name: "n", hosts: ["n"], ...LIFE } as const;

describe("files of a certificate", () => {
  const dir = mkdtempSync(join(tmpdir(), "tls-files-"));
  const paths = { ca: join(dir, "ca.pem"), cert: join(dir, "n.pem"), key: join(dir, "n-key.pem") };
  let authority: PemPair;
  let other: PemPair;
  let leaf: PemPair;

  const write = (ca: string, { cert, key }: PemPair): void => {
    writeFileSync(paths.ca, ca);
    writeFileSync(paths.cert, cert);
    writeFileSync(paths.key, key, { mode: 0o600 });
    chmodSync(paths.key, 0o600);
  };

  before(async () => {
    authority = await createAuthority({ cluster: "c", ...LIFE });
    other = await createAuthority({ cluster: "c", ...LIFE });
    leaf = await issueCertificate(authority, NODE);
  });
  after(() => rmSync(dir, { recursive: true }));

  it("are taken with one authority, or with a bundle that is made by putting files together", () => {
    write(authority.cert, leaf);
    expect(loadTlsFiles(paths)).to.deep.equal({ ca: authority.cert, ...leaf });
    write(other.cert + authority.cert, leaf);
    expect(loadTlsFiles(paths).ca).to.equal(other.cert + authority.cert);
  });

  it("are refused where a certificate of the bundle would be passed over", () => {
    write(other.cert.trimEnd() + authority.cert, leaf);
    expect(() => loadTlsFiles(paths)).to.throw("lines of its own");
  });

  it("are refused with a key that others on the machine can read", () => {
    write(authority.cert, leaf);
    chmodSync(paths.key, 0o640);
    expect(() => loadTlsFiles(paths)).to.throw("chmod 600");
  });

  it("are refused with the key of another certificate", async () => {
    const { key } = await issueCertificate(authority, NODE);
    write(authority.cert, { cert: leaf.cert, key });
    expect(() => loadTlsFiles(paths)).to.throw("is not the key of");
  });
});
