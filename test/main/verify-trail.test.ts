import { expect } from "chai";
import type { AuditCheckpoint, AuditEntry } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { generateSigningKey, publicKeyOf, signCheckpoint } from "../../src/auth/index.js";
import type { AuditFilter } from "../../src/domain/index.js";
import { formatTrails, parseTrails } from "../../src/main/audit/trail-file.js";
import { verifyTrails } from "../../src/main/audit/verify-trail.js";
import type { Trails } from "../../src/main/audit/verify-trail.js";
import { auditCheckpointToPublic, auditEntryToPublic } from "../../src/wire/index.js";
import { ANONYMOUS, registerUser, SYSTEM } from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

const SHARD = "users";
const CLUSTER_ID = "c1";
const ALL: AuditFilter = {
  subject: "",
  action: "",
  object: "",
  decision: "",
  startMs: 0,
  endMs: 0,
};

/** A trail of six entries as a real shard wrote it, signed at the fourth. */
async function makeTrails(): Promise<Trails & { readonly jwk: string }> {
  const shard = new AgendaShard();
  for (const user of ["ana", "bea", "carl", "dora", "eve", "fay"]) {
    shard.done(ANONYMOUS, registerUser(user));
  }
  const question = { kind: "list-audit", after: 0, pageSize: 100, filter: ALL } as const;
  const { entries } = shard.ask(SYSTEM, question, "audit");
  const { id, jwk } = await generateSigningKey();
  const fourth = entries[3];
  if (fourth === undefined) throw new Error("no fourth entry");
  const statement = { clusterId: CLUSTER_ID, shard: SHARD, number: 4, hash: fourth.hash };
  const checkpoint = {
    number: 4,
    hash: fourth.hash,
    keyId: id,
    signature: signCheckpoint(jwk, statement),
    timeMs: 1,
  };
  return {
    jwk,
    clusterId: CLUSTER_ID,
    restoredFrom: [],
    keys: new Map([[id, publicKeyOf(jwk)]]),
    entries: new Map([[SHARD, entries.map((entry) => auditEntryToPublic(SHARD, entry))]]),
    checkpoints: new Map([[SHARD, [auditCheckpointToPublic(SHARD, checkpoint)]]]),
  };
}

describe("verifying an audit trail", () => {
  let trails: Trails & { readonly jwk: string };
  before(async () => {
    trails = await makeTrails();
  });

  const entries = (): readonly AuditEntry[] => trails.entries.get(SHARD) ?? [];
  const checkpoints = (): readonly AuditCheckpoint[] => trails.checkpoints.get(SHARD) ?? [];
  const faultOf = (
    over: Partial<{
      readonly clusterId: string;
      readonly entries: readonly AuditEntry[];
      readonly checkpoints: readonly AuditCheckpoint[];
    }>,
  ) => {
    const [verdict] = verifyTrails({
      ...trails,
      clusterId: over.clusterId ?? CLUSTER_ID,
      entries: new Map([[SHARD, over.entries ?? entries()]]),
      checkpoints: new Map([[SHARD, over.checkpoints ?? checkpoints()]]),
    });
    return verdict?.fault?.number;
  };

  it("finds nothing wrong with one that nobody touched", () => {
    expect(verifyTrails(trails)).deep.equals([
      { shard: SHARD, entries: 6, checkpoints: 1, signedTo: 4, fault: undefined },
    ]);
  });

  it("finds the same in a file that was written of it", () => {
    const text = [...formatTrails(trails)].join("\n");
    expect(verifyTrails(parseTrails([text]))).deep.equals(verifyTrails(trails));
  });

  it("names the line of a file that is not what was exported", () => {
    const lines = ['{"clusterId":"c1"}', '{"entry":{"number":"many"}}'];
    expect(() => parseTrails([lines.join("\n")])).throws("line 2 is not what was exported");
    expect(() => parseTrails(["{}\n{}\n[}"])).throws("line 3 is not a JSON object");
  });

  for (const [field, value] of Object.entries({
    subject: "users/x",
    action: "x",
    object: "x",
    decision: "x",
    detail: "x",
    origin: "x",
    requestId: "x",
    count: 2,
    index: 99n,
    time: undefined,
    hash: new Uint8Array(32),
  })) {
    it(`names the entry whose ${field} was changed`, () => {
      const changed = entries().map((entry) =>
        entry.number === 3n ? { ...entry, [field]: value } : entry,
      );
      expect(faultOf({ entries: changed })).equals(3);
    });
  }

  it("names the entry that says what no shard could have written", () => {
    const changed = entries().map((entry) =>
      entry.number === 3n ? { ...entry, index: 2n ** 63n } : entry,
    );
    expect(faultOf({ entries: changed })).equals(3);
  });

  it("names the entry that was taken out, first, last or between", () => {
    const without = (number: bigint) => entries().filter((entry) => entry.number !== number);
    expect(faultOf({ entries: without(1n) })).equals(2);
    expect(faultOf({ entries: without(3n) })).equals(3);
    expect(faultOf({ entries: entries().slice(0, 3) })).equals(4);
    // What no signature covers yet can be cut off unseen: that is what signing often is for.
    expect(faultOf({ entries: without(6n) })).equals(undefined);
  });

  it("names the first of two entries that changed places", () => {
    const [second, third] = [entries()[1], entries()[2]];
    if (second === undefined || third === undefined) throw new Error("no third entry");
    const swapped = entries()
      .with(1, { ...third, number: 2n })
      .with(2, { ...second, number: 3n });
    expect(faultOf({ entries: swapped })).equals(2);
  });

  it("takes two exports of one trail, and names the entry of which they say two things", () => {
    const older = [
      ...formatTrails({ ...trails, entries: new Map([[SHARD, entries().slice(0, 5)]]) }),
    ];
    const newer = [...formatTrails(trails)];
    const verdicts = verifyTrails(parseTrails([older.join("\n"), newer.join("\n")]));
    expect(verdicts.map(({ entries: count, fault }) => ({ count, fault }))).deep.equals([
      { count: 6, fault: undefined },
    ]);
    const forged = older.join("\n").replace("users/carl", "users/cora");
    const [verdict] = verifyTrails(parseTrails([newer.join("\n"), forged]));
    expect(verdict?.fault).deep.equals({
      number: 3,
      message: "it is there twice, and not the same",
    });
  });

  it("names the entry from which on all was made anew", () => {
    const shard = new AgendaShard();
    for (const user of ["ana", "mallory", "carl", "dora", "eve", "fay"]) {
      shard.done(ANONYMOUS, registerUser(user));
    }
    const question = { kind: "list-audit", after: 0, pageSize: 100, filter: ALL } as const;
    const forged = shard.ask(SYSTEM, question, "audit").entries;
    const told = forged.map((entry) => auditEntryToPublic(SHARD, entry));
    expect(faultOf({ entries: told })).equals(4);
  });

  it("takes a trail whose beginning was pruned up to what is signed", () => {
    expect(faultOf({ entries: entries().slice(4) })).equals(undefined);
    expect(faultOf({ entries: entries().slice(4), checkpoints: [] })).equals(5);
  });

  it("believes what the clusters signed whose backups this one came from", () => {
    const restored = { ...trails, clusterId: "c3", restoredFrom: [CLUSTER_ID, "c2"] };
    const text = [...formatTrails(restored)].join("\n");
    expect(verifyTrails(parseTrails([text]))[0]?.fault).equals(undefined);
    expect(verifyTrails({ ...restored, restoredFrom: ["c2"] })[0]?.fault?.number).equals(4);
  });

  it("names the entry of which two copies hold signatures that differ", () => {
    const [checkpoint] = checkpoints();
    if (checkpoint === undefined) throw new Error("no checkpoint");
    const hash = new Uint8Array(32);
    const statement = { clusterId: CLUSTER_ID, shard: SHARD, number: 4, hash };
    const other = { ...checkpoint, hash, signature: signCheckpoint(trails.jwk, statement) };
    expect(faultOf({ checkpoints: [checkpoint, checkpoint] })).equals(undefined);
    expect(faultOf({ checkpoints: [other, checkpoint] })).equals(4);
  });

  it("believes no signature of another key, cluster or statement", () => {
    const over = (change: Partial<AuditCheckpoint>) =>
      checkpoints().map((checkpoint) => ({ ...checkpoint, ...change }));
    expect(faultOf({ checkpoints: over({ keyId: "other" }) })).equals(4);
    expect(faultOf({ checkpoints: over({ signature: new Uint8Array(64) }) })).equals(4);
    expect(faultOf({ checkpoints: over({ number: 5n }) })).equals(5);
    expect(faultOf({ clusterId: "another" })).equals(4);
  });
});
