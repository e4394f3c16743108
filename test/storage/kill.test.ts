import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { StoreDirectory } from "./rocksdb-directory.js";
import { MEMBERS, stateOf, text } from "./samples.js";

const REPLICA = 7;
const KILLS = 5;
const CHILD = fileURLToPath(new URL("crash-child.js", import.meta.url));

interface Reported {
  readonly word: string;
  readonly lastIndex: number;
  readonly term: number;
}

/** Runs the writing process and kills it some time after its first acknowledged round. */
async function writeUntilKilled(directory: string, seed: number): Promise<Reported[]> {
  const isSource = import.meta.url.endsWith(".ts");
  const script = isSource ? ["--import", "tsx/esm", CHILD.replace(/\.js$/, ".ts")] : [CHILD];
  const child = spawn(process.execPath, [...script, directory, String(seed)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  let armed = false;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    if (armed || !output.includes("wrote")) return;
    armed = true;
    setTimeout(() => child.kill("SIGKILL"), (seed * 37) % 150);
  });
  await once(child, "close");
  expect(child.signalCode, `exit code ${child.exitCode}`).to.equal("SIGKILL");
  const whole = output.slice(0, output.lastIndexOf("\n")).split("\n");
  return whole.map((line) => {
    const [word = "", lastIndex, term] = line.split(" ");
    return { word, lastIndex: Number(lastIndex), term: Number(term) };
  });
}

function endOf({ lastIndex, term }: Reported): string {
  return `${lastIndex} of term ${term}`;
}

describe("a store whose process is killed while it writes", () => {
  let directory: StoreDirectory;

  beforeEach(async () => {
    directory = await StoreDirectory.create();
  });

  afterEach(() => directory.dispose());

  it("holds everything that was acknowledged, and nothing is lost", async () => {
    for (let kill = 1; kill <= KILLS; kill++) {
      const reported = await writeUntilKilled(directory.path, kill);
      expect(reported.map(({ word }) => word)).not.to.include("lost");
      const acknowledged = reported.findLast(({ word }) => word === "wrote");
      const newest = reported.at(-1);
      if (acknowledged === undefined || newest === undefined)
        throw new Error("nothing was written");

      const store = await directory.open();
      const opened = await store.openReplica(REPLICA, MEMBERS);
      expect(opened).not.to.have.property("lost");
      const { firstIndex, lastIndex, applied } = opened;
      const found = await store.readEntries(REPLICA, firstIndex, lastIndex + 1, 2 ** 30);
      expect(found).to.have.length(lastIndex + 1 - firstIndex);
      for (const { index, term, data } of found) {
        expect(text(data)).to.equal(`entry ${index} of term ${term}`);
      }
      // Of the round that was cut off, everything or nothing is there.
      const end = `${lastIndex} of term ${found.at(-1)?.term ?? opened.precedingTerm}`;
      expect(end).to.be.oneOf([acknowledged, newest].map(endOf));
      expect(await stateOf(store, REPLICA)).to.deep.equal(
        applied.index === 0 ? [] : [`applied=${applied.index}`],
      );
      await store.close();
    }
  }).timeout(60_000);
});
