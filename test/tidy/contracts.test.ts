import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

const BUF = join("node_modules", ".bin", "buf");

interface Outcome {
  readonly ok: boolean;
  readonly text: string;
}

function buf(...args: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(BUF, args, { encoding: "utf8" });
  return { ok: status === 0, text: stdout + stderr };
}

function filesUnder(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .toSorted();
}

function textOf(dir: string): ReadonlyMap<string, string> {
  return new Map(filesUnder(dir).map((path) => [path, readFileSync(join(dir, path), "utf8")]));
}

/** The first release after which a contract may only grow. */
function frozenAt(): string | undefined {
  const tags = execFileSync("git", ["tag", "--list", "v0.1*"], { encoding: "utf8" });
  return tags.split("\n").find((tag) => tag !== "");
}

describe("the contracts in proto/", function () {
  this.timeout(60_000);
  let scratch: string;

  before(function () {
    // buf is a binary: where there is none for this machine, nothing here can be judged.
    const { ok, text } = buf("--version");
    if (!ok) {
      console.warn(`buf does not run here, the contracts are not checked: ${text}`);
      this.skip();
    }
  });
  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), "contracts-"));
  });
  afterEach(() => {
    rmSync(scratch, { recursive: true });
  });

  it("are what gen/ was generated from", () => {
    const generated = buf("generate", "-o", scratch);
    expect(generated.text).to.equal("");
    const fresh = textOf(join(scratch, "gen"));
    const kept = textOf("gen");
    expect([...kept.keys()], "run `make gen`").to.deep.equal([...fresh.keys()]);
    const stale = [...fresh].filter(([path, text]) => kept.get(path) !== text);
    expect(
      stale.map(([path]) => path),
      "run `make gen`",
    ).to.deep.equal([]);
  });

  it("follow buf's rules", () => {
    expect(buf("lint").text).to.equal("");
  });

  it("cannot lose a field unnoticed", () => {
    cpSync("proto", join(scratch, "proto"), { recursive: true });
    cpSync("buf.yaml", join(scratch, "buf.yaml"));
    const path = join(scratch, "proto", "cabildo", "v1", "events.proto");
    const text = readFileSync(path, "utf8");
    const without = text.replace(/^ {2}string location = \d+ .*?;\n/msu, "");
    expect(without).to.not.equal(text);
    writeFileSync(path, without);
    const { ok, text: said } = buf("breaking", scratch, "--against", ".");
    expect(ok).to.equal(false);
    expect(said).to.contain('"location"');
  });

  it("break nobody who uses them", () => {
    const frozen = frozenAt();
    const { ok, text } = buf("breaking", "--against", `.git#ref=${frozen ?? "HEAD"}`);
    if (ok) return;
    if (frozen !== undefined) expect.fail(text);
    console.warn(`Not compatible with the last commit (allowed before v0.1):\n${text}`);
  });
});
