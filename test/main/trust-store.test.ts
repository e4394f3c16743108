import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createAuthority, issueCertificate } from "../../src/auth/index.js";
import type { PemPair } from "../../src/auth/index.js";
import { changeTrust } from "../../src/main/trust-store.js";
import type { TrustChange, TrustStore } from "../../src/main/trust-store.js";

const NOW_MS = Date.now();
const yes = () => Promise.resolve(true);

describe("a machine's authorities", () => {
  let root: string;
  let store: TrustStore;
  let authority: PemPair;
  const added = async () => (await readdir(root)).filter((file) => file.endsWith(".crt")).sort();
  const updates = async () =>
    (await readFile(join(root, "updates"), "utf8").catch(() => "")).length;
  const change = (
    kind: TrustChange["kind"],
    ask: TrustChange["ask"] = yes,
    authorities = authority.cert,
  ) => changeTrust(store, { kind, ask, authorities });

  before(async () => {
    authority = await createAuthority({ cluster: "cabildo", days: 1, nowMs: NOW_MS });
  });
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "trust-"));
    const command = join(root, "update");
    await writeFile(command, `#!/bin/sh\nprintf x >> "$1/updates"\n`);
    await chmod(command, 0o700);
    store = { directory: root, update: { command, args: [root] } };
  });
  afterEach(() => rm(root, { recursive: true }));

  it("are added after a question that names them, and removed after another", async () => {
    const asked: string[] = [];
    const ask = (question: string) => Promise.resolve(asked.push(question) > 0);
    expect(await change("add", ask)).to.equal("done");
    const [file] = await added();
    expect(await readFile(join(root, file ?? ""), "utf8")).to.equal(authority.cert);
    expect(await change("remove", ask)).to.equal("done");
    expect(await added()).to.deep.equal([]);
    expect(await updates()).to.equal(2);
    expect(asked[0]).to.contain("CN=cabildo authority").and.to.contain("SHA-256");
    expect(asked[1]).to.contain("no longer");
  });

  it("stay as they are without a yes", async () => {
    expect(await change("add", () => Promise.resolve(false))).to.equal("declined");
    expect([await added(), await updates()]).to.deep.equal([[], 0]);
  });

  it("are neither added twice nor removed where they are not", async () => {
    const never = () => Promise.reject(new Error("asked for nothing"));
    expect(await change("remove", never)).to.equal("nothing to do");
    await change("add");
    expect(await change("add", never)).to.equal("nothing to do");
  });

  it("are each in a file of its own, of a bundle", async () => {
    const other = await createAuthority({ cluster: "cabildo", days: 1, nowMs: NOW_MS });
    await change("add", yes, authority.cert + other.cert);
    expect((await added()).length).to.equal(2);
  });

  it("take nothing that is no authority", async () => {
    const request = {
      cluster: "c",
      role: "node",
      name: "n",
      hosts: [],
      days: 1,
      nowMs: NOW_MS,
    } as const;
    const leaf = await issueCertificate(authority, request);
    const failure = await change("add", yes, leaf.cert).catch(String);
    expect(failure).to.contain("is no authority");
    expect(await added()).to.deep.equal([]);
  });

  it("are as they were where the update fails", async () => {
    await writeFile(store.update.command, "#!/bin/sh\nexit 1\n");
    expect(await change("add").catch(String)).to.contain("nothing is changed");
    expect(await added()).to.deep.equal([]);
  });

  it("can be read by every program, whoever adds them", async () => {
    const before = process.umask(0o077);
    await change("add").finally(() => process.umask(before));
    const [file = ""] = await added();
    expect((await stat(join(root, file))).mode & 0o777).to.equal(0o644);
  });
});
