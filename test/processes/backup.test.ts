import { spawn } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { GroupKind } from "../../gen/cabildo/v1/groups_pb.js";
import { eventually } from "../support/eventually.js";
import { RetryingWriter } from "../support/retrying-writer.js";
import { repositoryRoot, UpCluster } from "../support/up-cluster.js";
import type { Person } from "../support/up-cluster.js";

const CABILDO = path.join(repositoryRoot(), "dist/src/main/cabildo.js");
const EVENTS_BEFORE = 40;
const DEADLINE_MS = 30_000;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CABILDO, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.on("exit", (code) => resolve({ code, out, err }));
  });
}

async function eventIds(person: Person): Promise<readonly string[]> {
  const ids: string[] = [];
  let pageToken = "";
  do {
    const parent = `calendars/${person.user}`;
    const page = await person.events.listEvents({ parent, pageSize: 1000, pageToken });
    ids.push(...page.events.map(({ name }) => name.split("/")[3] ?? ""));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return ids.sort();
}

describe("a backup", function () {
  this.timeout(240_000);
  let directory: string;
  let backup: string;
  let cluster: UpCluster;
  let restored: UpCluster | undefined;

  before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "cabildo-backup-"));
    backup = path.join(directory, "backup");
    cluster = await UpCluster.start();
  });
  after(async () => {
    await cluster.stop();
    await restored?.stop();
    rmSync(directory, { recursive: true });
  });

  /** A copy of the backup in which something is wrong. */
  const spoiled = (name: string): string => {
    const copy = path.join(directory, name);
    cpSync(backup, copy, { recursive: true });
    return copy;
  };

  it("is taken while people invite each other, and nobody waits for it in vain", async () => {
    const ana = await cluster.person("ana");
    const zoe = await cluster.person("zoe");
    await ana.groups.createGroup({
      groupId: "choir",
      group: { displayName: "Choir", kind: GroupKind.PEER },
    });
    await ana.groups.createInvitation({
      parent: "groups/choir",
      invitation: { invitee: "users/zoe" },
    });
    await ana.events.createEvent({
      parent: "calendars/ana.work",
      event: {
        title: "Rehearsal",
        recurrence: ["RRULE:FREQ=WEEKLY;COUNT=5"],
        span: {
          case: "timed",
          value: {
            startTime: { seconds: 1_800_000_000n },
            endTime: { seconds: 1_800_003_600n },
            timeZone: "Europe/Madrid",
          },
        },
      },
    });
    const writers = [
      new RetryingWriter(ana, "ana", ["users/zoe"], DEADLINE_MS),
      new RetryingWriter(zoe, "zoe", ["users/ana"], DEADLINE_MS),
    ];
    for (const writer of writers) writer.start();
    await eventually(() => writers.every(({ written }) => written.length >= EVENTS_BEFORE));
    const taken = await run("backup", backup, "--data", cluster.ready.dataDir, "-o", "json");
    expect(taken.code, taken.err).to.equal(0);
    const at = writers.map(({ written }) => written.length);
    await eventually(() => writers.every(({ written }, i) => written.length > (at[i] ?? 0) + 5));
    await Promise.all(writers.map((writer) => writer.stop()));
    expect(writers.flatMap(({ failures }) => failures)).to.deep.equal([]);
    const status = await cluster.status();
    const { shards } = JSON.parse(taken.out) as {
      shards: readonly { readonly name: string; readonly node: string }[];
    };
    const ledBy = new Map(status.shards.map(({ name, leader }) => [name, leader]));
    for (const { name, node } of shards) expect(node, name).not.to.equal(ledBy.get(name));
  });

  it("is read again and found whole", async () => {
    const { code, out, err } = await run("verify", backup);
    expect(code, err).to.equal(0);
    expect(out).to.contain("events-am");
  });

  it("is refused where a byte of it changed", async () => {
    const damaged = spoiled("damaged");
    const file = openSync(path.join(damaged, "users.rows"), "r+");
    writeSync(file, Buffer.from([0xff]), 0, 1, 100);
    closeSync(file);
    const { code, err } = await run("verify", damaged);
    expect(code).to.equal(1);
    expect(err).to.contain("damaged");
    const target = path.join(directory, "from-damaged");
    expect((await run("restore", damaged, "--data", target)).code).to.equal(1);
    expect((await run("status", "--data", target)).err).to.contain("no cluster has run");
  });

  it("is refused where a shard's copy is another's, or the manifest was edited", async () => {
    const swapped = spoiled("swapped");
    copyFileSync(path.join(backup, "groups.rows"), path.join(swapped, "users.rows"));
    expect((await run("verify", swapped)).err).to.contain("not what the manifest says");
    const edited = spoiled("edited");
    const manifest = path.join(edited, "manifest.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"cabildo"', '"another"'));
    expect((await run("verify", edited)).err).to.contain("damaged");
    rmSync(path.join(edited, "manifest.json"));
    expect((await run("verify", edited)).err).to.contain("not finished");
  });

  it("is not restored over a cluster that is there", async () => {
    const { code, err } = await run("restore", backup, "--data", cluster.ready.dataDir);
    expect(code).to.equal(1);
    expect(err).to.contain("restore into a new directory");
  });

  it("becomes a new cluster in which everything is there, and every invitation arrives once", async () => {
    const dataDir = path.join(directory, "restored");
    const made = await run("restore", backup, "--data", dataDir);
    expect(made.code, made.err).to.equal(0);
    restored = await UpCluster.start({ dataDir });
    expect(restored.ready.clusterId).not.to.equal(cluster.ready.clusterId);
    const ana = await restored.signIn("ana");
    const zoe = await restored.signIn("zoe");
    const [ofAna, ofZoe] = await eventually(
      async () => {
        const lists = [await eventIds(ana), await eventIds(zoe)] as const;
        return lists[0].join() === lists[1].join() && lists;
      },
      { what: "both calendars to hold the same meetings" },
    );
    expect(ofAna.length).to.be.greaterThan(2 * EVENTS_BEFORE - 1);
    expect(new Set(ofZoe).size).to.equal(ofZoe.length);
    const { groups } = await ana.groups.listGroups({});
    expect(groups.map(({ name }) => name)).to.deep.equal(["groups/choir"]);
    const { invitations } = await ana.groups.listInvitations({ parent: "groups/choir" });
    expect(invitations.map(({ invitee }) => invitee)).to.deep.equal(["users/zoe"]);
    const work = await ana.events.listEvents({ parent: "calendars/ana.work" });
    expect(work.events.map(({ recurrence }) => recurrence)).to.deep.equal([
      ["RRULE:FREQ=WEEKLY;COUNT=5"],
    ]);
    // It goes on: what is new is delivered too.
    const writer = new RetryingWriter(ana, "ana", ["users/zoe"]);
    writer.start();
    await eventually(() => writer.written.length >= 5);
    await writer.stop();
    expect(writer.failures).to.deep.equal([]);
    const names = writer.written.map(({ name }) => name.split("/")[3] ?? "");
    await eventually(async () => {
      const there = await eventIds(zoe);
      return names.every((name) => there.includes(name));
    });
  });
});
