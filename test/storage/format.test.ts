import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { commit } from "../../src/storage/engine.js";
import { FORMAT } from "../../src/storage/keys.js";
import { allRows } from "./stored-rows.js";

/** A store as another version would have written it: every key begins with its format. */
async function openWritten(format: number): Promise<unknown> {
  const disk = new MemoryDisk();
  const store = await openMemoryStore({ disk });
  await store.writeFact("peers", Buffer.from("[]"));
  await store.close();
  const engine = disk.openEngine();
  const batch = engine.batch();
  for (const [key, value] of await allRows(engine)) {
    batch.del(key);
    batch.put(Buffer.from([format, ...key.subarray(1)]), value);
  }
  await commit(batch, true);
  await engine.close();
  return openMemoryStore({ disk }).catch((error: unknown) => error);
}

describe("a directory of another format", () => {
  it("of an older version is refused, with what to do", async () => {
    const refusal = await openWritten(FORMAT - 1);
    expect(refusal).to.be.instanceOf(ClusterError).and.include({ code: "failed-precondition" });
    expect(String(refusal)).to.match(/format 1, and this version reads format 2/);
    expect(String(refusal)).to.match(/export what you need/);
  });

  it("of a newer version is refused, with what to start instead", async () => {
    const refusal = await openWritten(FORMAT + 1);
    expect(refusal).to.be.instanceOf(ClusterError).and.include({ code: "failed-precondition" });
    expect(String(refusal)).to.match(/start the version that wrote it/);
  });

  it("of another program is taken for that", async () => {
    const refusal = await openWritten("a".charCodeAt(0));
    expect(refusal).to.be.instanceOf(ClusterError).and.include({ code: "corrupt-storage" });
  });
});
