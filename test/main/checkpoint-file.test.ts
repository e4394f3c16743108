import { appendFile, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { AuditCheckpoint } from "../../src/domain/index.js";
import { CheckpointFile } from "../../src/main/audit/checkpoint-file.js";
import { parseTrails } from "../../src/main/audit/trail-file.js";

const checkpoint = (number: number): AuditCheckpoint => ({
  number,
  hash: new Uint8Array(32).fill(number),
  keyId: "k1",
  signature: new Uint8Array(64),
  timeMs: number,
});

describe("the file of a node's checkpoints", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "cabildo-checkpoints-"));
    path = join(directory, "audit-checkpoints.jsonl");
  });
  afterEach(() => rm(directory, { recursive: true }));

  const numbers = async (shard: string): Promise<readonly number[]> => {
    const { checkpoints } = parseTrails([await readFile(path, "utf8")]);
    return (checkpoints.get(shard) ?? []).map(({ number }) => Number(number));
  };

  it("knows after a start what it had of each shard", async () => {
    const before = new CheckpointFile(directory);
    expect(await before.last("users")).to.equal(0);
    await before.add("users", [checkpoint(3), checkpoint(7)]);
    await before.add("groups", [checkpoint(2)]);
    const after = new CheckpointFile(directory);
    const found = await Promise.all(["users", "groups", "system"].map((name) => after.last(name)));
    expect(found).to.deep.equal([7, 2, 0]);
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  });

  it("writes a line anew that a power cut left unfinished", async () => {
    await new CheckpointFile(directory).add("users", [checkpoint(3)]);
    await appendFile(path, (await readFile(path, "utf8")).slice(0, 40));
    const file = new CheckpointFile(directory);
    expect(await file.last("users")).to.equal(3);
    await file.add("users", [checkpoint(7)]);
    expect(await numbers("users")).to.deep.equal([3, 7]);
  });

  it("does not count what it could not write", async () => {
    const file = new CheckpointFile(join(directory, "not", "there"));
    expect(await file.last("users")).to.equal(0);
    const failure = await file.add("users", [checkpoint(3)]).catch((cause: unknown) => cause);
    expect(failure).to.be.instanceOf(Error);
    expect(await file.last("users")).to.equal(0);
  });
});
