import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { GroupKind } from "../../gen/cabildo/v1/groups_pb.js";
import { readManifest, rowsPath } from "../../src/main/backup/manifest.js";
import { readRowsFile } from "../../src/main/backup/rows-file.js";
import { parseClusterFile } from "../../src/main/cluster-file.js";
import { eventually } from "../support/eventually.js";
import { EveryKind } from "../support/every-kind.js";
import { RetryingWriter } from "../support/retrying-writer.js";
import { runCabildo as run } from "../support/run-cabildo.js";
import type { Ran } from "../support/run-cabildo.js";
import { CABILDO, UpCluster } from "../support/up-cluster.js";
import type { Person } from "../support/up-cluster.js";

const EVENTS_BEFORE = 40;
const DEADLINE_MS = 30_000;
const OUTBOX_KEY = /ob\/\d+\/[0-9a-z]+$/u;

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

/** Rows of outboxes: what shards had for each other at that moment. */
async function countOnTheWay(backup: string): Promise<number> {
  let count = 0;
  for (const shard of (await readManifest(backup)).shards) {
    for await (const rows of readRowsFile(rowsPath(backup, shard))) {
      count += rows.filter(({ key }) =>
        OUTBOX_KEY.test(Buffer.from(key).toString("latin1")),
      ).length;
    }
  }
  return count;
}

describe("a backup", function () {
  this.timeout(240_000);
  let directory: string;
  let backup: string;
  let cluster: UpCluster;
  let restored: UpCluster | undefined;
  let everything: EveryKind;
  let told: readonly unknown[];
  let asked: string;
  let oscarsRefreshToken: string;

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

  it("is taken of data of every kind", async () => {
    const oscar = await cluster.person("oscar");
    oscarsRefreshToken = oscar.refreshToken;
    everything = new EveryKind(await cluster.person("bea"), oscar);
    await everything.make();
    asked = await everything.askAgain();
    told = await everything.tell();
    for (const one of told) expect(one).to.not.deep.equal({});
  });

  const leaders = async (): Promise<readonly (readonly [string, string])[]> =>
    (await cluster.status()).shards.map(({ name, leader }) => [name, leader]);

  const take = async (): Promise<Ran> => {
    const taken = await run("backup", backup, "--data", cluster.ready.dataDir, "-o", "json");
    expect(taken.code, taken.err).to.equal(0);
    return taken;
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
    // Until one catches something that is on its way from shard to shard.
    let before = await leaders();
    let taken = await take();
    while ((await countOnTheWay(backup)) === 0) {
      rmSync(backup, { recursive: true });
      before = await leaders();
      taken = await take();
    }
    const after = await leaders();
    const at = writers.map(({ written }) => written.length);
    await eventually(() => writers.every(({ written }, i) => written.length > (at[i] ?? 0) + 5));
    await Promise.all(writers.map((writer) => writer.stop()));
    expect(writers.flatMap(({ failures }) => failures)).to.deep.equal([]);
    const { shards } = JSON.parse(taken.out) as {
      shards: readonly { readonly name: string; readonly node: string }[];
    };
    // Whoever led all the while; a leader may change meanwhile.
    const ledBy = new Map(before.filter(([name, leader]) => new Map(after).get(name) === leader));
    for (const { name, node } of shards) expect(node, name).not.to.equal(ledBy.get(name));
  });

  it("is read again and found whole", async () => {
    const { code, out, err } = await run("verify", backup);
    expect(code, err).to.equal(0);
    expect(out).to.contain("events-am");
  });

  it("is refused where a byte of it changed", async () => {
    const damaged = spoiled("damaged");
    const rows = path.join(damaged, "users.rows");
    const bytes = readFileSync(rows);
    // Turned over, not set: a byte of a token's hash may be any value already.
    bytes.writeUInt8(bytes.readUInt8(100) ^ 0xff, 100);
    writeFileSync(rows, bytes);
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

  it("is refused where a shard's copy ends early, or is not there", async () => {
    const short = spoiled("short");
    const rows = path.join(short, "users.rows");
    truncateSync(rows, statSync(rows).size - 1);
    expect((await run("verify", short)).err).to.contain("users.rows is damaged");
    truncateSync(rows, 0);
    expect((await run("verify", short)).err).to.contain("not what the manifest says");
    rmSync(rows);
    const target = path.join(directory, "from-short");
    const { code, err } = await run("restore", short, "--data", target);
    expect(err).to.contain("users.rows is missing: use another backup");
    expect(code).to.equal(1);
  });

  it("is refused where its format is another version's", async () => {
    const later = spoiled("later");
    const manifest = path.join(later, "manifest.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"format":2', '"format":3'));
    const { code, err } = await run("verify", later);
    expect(err).to.contain("restore it with the version that took it");
    expect(code).to.equal(1);
  });

  it("does not fill a node of the cluster that it was taken of, or of one with other shards", async () => {
    const own = path.join(cluster.ready.dataDir, "cluster.json");
    const target = path.join(directory, "one-node");
    const restoreNode = (file: string) =>
      run("restore", backup, "--node", "node-1", "--cluster", file, "--data", target);
    expect((await restoreNode(own)).err).to.contain("needs another id");
    const other = path.join(directory, "other.json");
    const text = readFileSync(own, "utf8").replaceAll(cluster.ready.clusterId, randomUUID());
    writeFileSync(other, text.replaceAll('"n"', '"p"'));
    const { code, err } = await restoreNode(other);
    expect(err).to.contain("divides the keys among its shards in another way");
    expect(code).to.equal(1);
    expect(existsSync(target)).to.equal(false);
  });

  it("does not fill a node of a cluster that may still be formed of empty nodes", async () => {
    const own = readFileSync(path.join(cluster.ready.dataDir, "cluster.json"), "utf8");
    const file = path.join(directory, "unformed.json");
    const other = own.replaceAll(cluster.ready.clusterId, randomUUID());
    writeFileSync(file, other.replace('"formed": true', '"formed": false'));
    const target = path.join(directory, "unformed");
    const node = ["--node", "node-1", "--cluster", file, "--data", target];
    const { code, err } = await run("restore", backup, ...node);
    expect(err).to.contain('write "formed": true into every copy of it');
    expect(code).to.equal(1);
    expect(existsSync(target)).to.equal(false);
  });

  it("is not restored over a cluster that is there", async () => {
    const { code, err } = await run("restore", backup, "--data", cluster.ready.dataDir);
    expect(code).to.equal(1);
    expect(err).to.contain("restore into a new directory");
  });

  it("fills one node of a cluster of another id and layout, once, and begins anew where that was interrupted", async () => {
    const file = path.join(directory, "next.json");
    const seed = path.join(directory, "seed");
    const made = await run("restore", backup, "--data", seed, "--layout", "seed");
    expect(made.code, made.err).to.equal(0);
    const planned = parseClusterFile(readFileSync(path.join(seed, "cluster.json"), "utf8"), "");
    expect(planned.nodes).to.have.lengthOf(12);
    for (const { name } of planned.nodes)
      expect(existsSync(path.join(seed, name)), name).to.equal(true);
    copyFileSync(path.join(seed, "cluster.json"), file);
    const data = path.join(directory, "users-1");
    const node = ["restore", backup, "--node", "users-1", "--cluster", file, "--data", data];
    const filling = spawn(process.execPath, [CABILDO, ...node], { stdio: "ignore" });
    const exited = new Promise((resolve) => filling.once("exit", resolve));
    await eventually(() => existsSync(path.join(data, "restoring")), { pauseMs: 1 });
    filling.kill("SIGKILL");
    await exited;
    const certs = path.join(directory, "certs");
    const issue = ["certs", "issue", "users-1", "--role", "node", "--host", "127.0.0.1"];
    expect((await run("certs", "init", "--dir", certs)).code).to.equal(0);
    expect((await run(...issue, "--dir", certs)).code).to.equal(0);
    const start = ["node", "--name", "users-1", "--cluster", file, "--certs", certs];
    const early = await run(...start, "--data", data);
    expect(early.code).to.equal(1);
    expect(early.err).to.contain("`cabildo restore` was interrupted; run it again");
    expect((await run("up", "--data", data)).err).to.contain("run it again, it begins anew");
    const again = await run(...node);
    expect(again.code, again.err).to.equal(0);
    expect(again.err + again.out).to.contain(`users-1 is in ${data}`);
    expect(existsSync(path.join(data, "restoring"))).to.equal(false);
    const twice = await run(...node);
    expect(twice.err).to.contain("is not empty: restore into a new directory");
    expect(twice.code).to.equal(1);
  });

  it("becomes a new cluster in which everything is there, and every invitation arrives once", async () => {
    const dataDir = path.join(directory, "restored");
    const made = await run("restore", backup, "--data", dataDir);
    expect(made.code, made.err).to.equal(0);
    restored = await UpCluster.start({ dataDir });
    expect(restored.ready.clusterId).not.to.equal(cluster.ready.clusterId);
    const file = parseClusterFile(readFileSync(path.join(dataDir, "cluster.json"), "utf8"), "");
    expect(file.restoredFrom).to.deep.equal([cluster.ready.clusterId]);
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

  it("brings back data of every kind, sessions and answers that were given included", async () => {
    if (restored === undefined) throw new Error("nothing was restored");
    const oscar = await restored.signIn("oscar");
    const there = everything.as(await restored.signIn("bea"), oscar);
    expect(await there.tell()).to.deep.equal(told);
    expect(await there.askAgain()).to.equal(asked);
    // A session of before goes on.
    const again = await oscar.auth.refresh({ refreshToken: oscarsRefreshToken });
    expect(again.accessToken).to.not.equal("");
    const { dataDir } = restored.ready;
    const trail = await run("audit", "verify", "--data", dataDir);
    expect(trail.code, trail.err).to.equal(0);
    expect(trail.out).to.match(/^users: [1-9][0-9]* entries, whole/mu);
  });

  it("is refused where a shard's copy is of another cluster", async () => {
    if (restored === undefined) throw new Error("nothing was restored");
    const another = path.join(directory, "another");
    const taken = await run("backup", another, "--data", restored.ready.dataDir);
    expect(taken.code, taken.err).to.equal(0);
    const mixed = spoiled("mixed");
    copyFileSync(path.join(another, "users.rows"), path.join(mixed, "users.rows"));
    const { code, err } = await run("restore", mixed, "--data", path.join(directory, "of-both"));
    expect(err).to.contain("users.rows is not what the manifest says");
    expect(code).to.equal(1);
  });
});
