import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { InstalledProgram } from "../support/installed-program.js";
import { RetryingWriter } from "../support/retrying-writer.js";
import { runCabildo } from "../support/run-cabildo.js";
import { UpCluster } from "../support/up-cluster.js";
import type { Person } from "../support/up-cluster.js";

const CALENDAR = "calendars/ana.work";
/** The shard that the calendar is in. */
const SHARD = "events-am";
/** A writer waits as long as a failover may take on a machine that runs everything at once. */
const DEADLINE_MS = 30_000;

/** Each step begins where the one before ended. */
describe("a cluster whose nodes go to a version with a new command, under load", function () {
  this.timeout(180_000);
  const program = new InstalledProgram();
  const said: string[] = [];
  let cluster: UpCluster;
  let ana: Person;
  let writer: RetryingWriter;

  before(async () => {
    program.put("older");
    const log = (line: string): void => void said.push(line);
    cluster = await UpCluster.start({ program: program.cabildo, log });
    ana = await cluster.person("ana");
    await ana.calendars.createCalendar({
      calendarId: "ana.work",
      calendar: { displayName: "Work" },
    });
    writer = new RetryingWriter(ana, "ana", [], DEADLINE_MS);
    writer.start();
  });

  after(async () => {
    await writer.stop();
    await cluster.stop();
    program.remove();
  });

  /** As whoever puts another version in place and starts the node again. */
  const restart = async (...nodes: readonly string[]): Promise<void> => {
    for (const name of nodes) {
      const pid = pidOf(name);
      await cluster.kill(name, "SIGTERM");
      await eventually(() => pidOf(name) !== pid, { what: `${name} to be started again` });
      await cluster.healthy();
    }
  };
  const pidOf = (name: string): number | undefined =>
    cluster.current().nodes.find((node) => node.name === name)?.pid;
  /** The new command. */
  const rename = async (displayName: string): Promise<Code | "done"> => {
    try {
      const calendar = { name: CALENDAR, displayName };
      await ana.calendars.updateCalendar({ calendar, updateMask: { paths: ["display_name"] } });
      return "done";
    } catch (error) {
      return ConnectError.from(error).code;
    }
  };
  const shown = async (): Promise<string> =>
    (await ana.calendars.getCalendar({ name: CALENDAR })).displayName;
  const levels = async (): Promise<readonly number[]> =>
    (await cluster.status()).shards.map(({ featureLevel }) => featureLevel);

  it("refuses what only the next version knows, and changes nothing", async () => {
    expect(await rename("too early")).to.equal(Code.Unimplemented);
    expect(await shown()).to.equal("Work");
  });

  it("refuses it while one node is of the older version, whichever leads", async () => {
    program.put("newer");
    await restart("node-1", "node-2");
    for (const leader of ["node-1", "node-2", "node-3"]) {
      await cluster.transfer(SHARD, leader);
      expect(await rename("still too early"), leader).to.equal(Code.Unimplemented);
    }
    expect(new Set(await levels())).to.deep.equal(new Set([program.level]));
    expect(await shown()).to.equal("Work");
  });

  it("goes back half-way as it came", async () => {
    program.put("older");
    await restart("node-1", "node-2");
    expect(new Set(await levels())).to.deep.equal(new Set([program.level]));
    expect(await rename("again too early")).to.equal(Code.Unimplemented);
  });

  it("takes the command once all nodes were rolled forward", async () => {
    program.put("newer");
    const { code, err } = await runCabildo("rollout", "--data", cluster.ready.dataDir);
    expect(code, err).to.equal(0);
    await eventually(async () => (await levels()).every((level) => level === program.level + 1), {
      what: "every shard to use the new level",
    });
    await eventually(async () => (await rename("Trabajo")) === "done");
    expect(await shown()).to.equal("Trabajo");
  });

  it("does without a node that comes back at the older version, which says why it stops", async () => {
    program.put("older");
    await cluster.kill("node-3", "SIGTERM");
    const why = new RegExp(
      `uses feature level ${program.level + 1}, and this version knows ${program.level} at most: start the version`,
      "u",
    );
    await eventually(() => said.some((line) => why.test(line)), { what: "node-3 to say why" });
    expect(await rename("Arbeit")).to.equal("done");
    program.put("newer");
    await cluster.healthy();
  });

  it("is not restored by the older version from a backup that the newer one may have written to", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "cabildo-upgrade-"));
    const backup = path.join(directory, "backup");
    const taken = await runCabildo("backup", backup, "--data", cluster.ready.dataDir);
    expect(taken.code, taken.err).to.equal(0);
    const restored = await runCabildo("restore", backup, "--data", path.join(directory, "data"));
    expect(restored.err).to.match(/is of a later version: it uses feature level \d+, and this/u);
    expect(restored.code).to.equal(1);
    rmSync(directory, { recursive: true });
  });

  it("let no write fail meanwhile, and has each of them once", async () => {
    await writer.stop();
    expect(writer.failures).to.deep.equal([]);
    expect(writer.written.length).to.be.greaterThan(50);
    const names: string[] = [];
    let pageToken = "";
    do {
      const page = await ana.events.listEvents({
        parent: "calendars/ana",
        pageToken,
        pageSize: 500,
      });
      names.push(...page.events.map((event) => event.name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect([...names].sort()).to.deep.equal(writer.written.map(({ name }) => name).sort());
  });
});
