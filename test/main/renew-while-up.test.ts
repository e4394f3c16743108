import { mkdtempSync, rmSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { describeCertificate } from "../../src/auth/index.js";
import { AUTHORITY, certPath, keyPath, renewCertificates } from "../../src/main/certificates.js";
import { renewWhileUp } from "../../src/main/renew-while-up.js";
import { eventually } from "../support/eventually.js";

const DAY_MS = 86_400_000;

describe("a cluster that stays up", () => {
  let directory: string;
  let nowMs: number;
  let due: (() => void) | undefined;
  const said: string[] = [];
  let stop: () => void;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "cabildo-renewal-"));
    await renewCertificates(directory, "agora", [{ name: "node-1", role: "node", hosts: [] }]);
    nowMs = Date.now();
    said.length = 0;
    stop = renewWhileUp({
      ...{ directory, wallMs: () => nowMs, say: (text) => said.push(text) },
      after: (_, run) => {
        due = run;
        return () => (due = undefined);
      },
    });
  });

  afterEach(() => {
    stop();
    rmSync(directory, { recursive: true });
  });

  const certificate = () => readFile(certPath(directory, "node-1"), "utf8");

  /** An hour later; resolves when it waits for the next. */
  async function hour(): Promise<void> {
    const run = due;
    due = undefined;
    run?.();
    await eventually(() => due !== undefined);
  }

  it("renews a certificate that ends within a month, for the same", async () => {
    const before = await certificate();
    nowMs += 340 * DAY_MS;
    await hour();
    const after = await certificate();
    expect(after).not.to.equal(before);
    expect(describeCertificate(after).names).to.equal(describeCertificate(before).names);
    expect(said).to.deep.equal(["renewed the certificates of node-1"]);
  });

  it("leaves alone what is good for longer", async () => {
    const before = await certificate();
    await hour();
    expect(await certificate()).to.equal(before);
    expect(said).to.deep.equal([]);
  });

  it("makes no other authority where that is kept elsewhere, and says so once", async () => {
    await rm(keyPath(directory, AUTHORITY));
    const before = await readFile(certPath(directory, AUTHORITY), "utf8");
    await hour();
    await hour();
    expect(await readFile(certPath(directory, AUTHORITY), "utf8")).to.equal(before);
    expect(said).to.have.length(1);
  });
});
