import { createHash } from "node:crypto";
import { expect } from "chai";
import { fc } from "../support/properties.js";
import type {
  AuditEntry,
  AuditFilter,
  AuditRecord,
  ChainedAuditEntry,
  Operation,
} from "../../src/domain/index.js";
import { KEYS, NO_AUDIT } from "../../src/machine/index.js";
import { createStoreCodec } from "../../src/wire/store/index.js";
import { ANONYMOUS, command, registerUser, SYSTEM, userCaller } from "../support/agenda.js";
import { anyLog } from "../support/agenda-arbitraries.js";
import { AgendaShard } from "../support/agenda-shard.js";

const { rows } = createStoreCodec();
const ANY: AuditFilter = {
  subject: "",
  action: "",
  object: "",
  decision: "",
  startMs: 0,
  endMs: 0,
};
const ROOT = { kind: "user", user: "root", sessionId: "s", roles: ["admin"] } as const;
const AUDITOR = { kind: "user", user: "eve", sessionId: "s", roles: ["auditor"] } as const;

const RECORD: AuditRecord = {
  subject: "operators/eve",
  action: "cluster.compact",
  object: "shards/groups",
  decision: "allow",
  detail: "",
  origin: "",
  requestId: "",
  count: 1,
};

function listAudit(shard: AgendaShard, filter: Partial<AuditFilter> = {}, after = 0) {
  const question = {
    kind: "list-audit",
    after,
    pageSize: 100,
    filter: { ...ANY, ...filter },
  } as const;
  return shard.ask(AUDITOR, question, "audit");
}

function chain(entries: readonly ChainedAuditEntry[], from: Uint8Array): Uint8Array {
  return entries.reduce<Uint8Array>(
    (before, { entry }) =>
      createHash("sha256").update(before).update(rows.auditEntry.encode(entry)).digest(),
    from,
  );
}

function createSession(session: string): Operation {
  const [client, refreshHash, lifetimeMs] = ["firefox", "h0", 1_000_000];
  return { kind: "create-session", user: "ana", session, client, refreshHash, lifetimeMs };
}

describe("the audit trail of a shard", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana"));
  });

  it("says who did what to what, when, and from where", () => {
    const ended = command(ROOT, {
      kind: "set-user-standing",
      user: "ana",
      act: "disable",
      etag: "",
    });
    shard.nowMs += 5000;
    shard.apply({ ...ended, requestId: "r-1", origin: "203.0.113.7" });
    const [registered, disabled] = listAudit(shard).entries.map(({ entry }) => entry);
    expect(registered).to.include({ subject: "anonymous", action: "auth.register" });
    const { index = 0, ...rest } = disabled ?? {};
    expect(index).greaterThan(0);
    expect(rest).deep.equals({
      number: 2,
      timeMs: shard.nowMs,
      subject: "users/root",
      action: "user.disable",
      object: "users/ana",
      decision: "allow",
      detail: "",
      origin: "203.0.113.7",
      requestId: "r-1",
      count: 1,
    } satisfies Omit<AuditEntry, "index">);
  });

  it("names the one who logged in as who acted", () => {
    shard.done(SYSTEM, createSession("s1"));
    const [login] = listAudit(shard, { action: "auth.login" }).entries;
    expect(login?.entry).to.include({ subject: "users/ana", object: "users/ana/sessions/s1" });
  });

  it("is a chain of hashes over what its entries say", () => {
    shard.done(SYSTEM, createSession("s1"));
    shard.done(SYSTEM, createSession("s2"));
    const { entries, head } = listAudit(shard);
    expect(entries.map(({ entry }) => entry.number)).deep.equals([1, 2, 3]);
    expect(Buffer.from(head.hash).equals(chain(entries, NO_AUDIT.hash))).equals(true);
    const forged = entries.map((each) => ({ ...each, entry: { ...each.entry, origin: "::1" } }));
    expect(Buffer.from(head.hash).equals(chain(forged, NO_AUDIT.hash))).equals(false);
  });

  it("has no entry of what was refused without an effect, nor a second one of a repeated request", () => {
    const again = command(ROOT, {
      kind: "set-user-standing",
      user: "ana",
      act: "disable",
      etag: "",
    });
    shard.apply(again);
    shard.apply(again);
    shard.refused(
      userCaller("bea"),
      { kind: "revoke-session", user: "ana", session: "s9" },
      "not-found",
    );
    expect(listAudit(shard).head.number).equals(2);
  });

  it("tells of a refusal that ended a session", () => {
    shard.done(SYSTEM, createSession("s1"));
    const stolen = {
      kind: "rotate-session",
      user: "ana",
      session: "s1",
      presentedHash: "other",
      nextHash: "h2",
      lifetimeMs: 1_000_000,
    } as const;
    expect(shard.run(SYSTEM, stolen).reply).to.include({ code: "unauthenticated" });
    const [entry] = listAudit(shard, { action: "auth.refresh" }).entries;
    expect(entry?.entry).to.include({
      object: "users/ana/sessions/s1",
      decision: "unauthenticated",
    });
  });

  it("holds no secret that a command carried", () => {
    shard.done(userCaller("ana"), {
      kind: "change-password",
      user: "ana",
      passwordHash: "a-new-secret",
      keepSession: "",
    });
    shard.done(SYSTEM, createSession("s1"));
    const kept = shard.memory.state
      .rows()
      .filter(({ key }) => key.startsWith("au/"))
      .map(({ value }) => Buffer.from(value).toString("latin1"));
    expect(kept).to.have.length(3);
    for (const secret of ["a-new-secret", "h0"]) {
      expect(kept.filter((text) => text.includes(secret))).deep.equals([]);
    }
  });

  it("takes what happened elsewhere from the cluster alone", () => {
    const operation = { kind: "record-audit", records: [RECORD, RECORD] } as const;
    shard.refused(ROOT, operation, "permission-denied");
    shard.done(SYSTEM, operation);
    const { entries } = listAudit(shard, { object: "shards/" });
    expect(entries.map(({ entry }) => entry.number)).deep.equals([2, 3]);
  });

  it("is read by auditors and administrators alone", () => {
    const question = { kind: "list-audit", after: 0, pageSize: 10, filter: ANY } as const;
    for (const caller of [ROOT, AUDITOR, SYSTEM]) {
      expect(shard.query(caller, question).kind).equals("answered");
    }
    for (const caller of [userCaller("ana"), ANONYMOUS]) {
      expect(shard.query(caller, question)).to.include({ code: "permission-denied" });
    }
  });

  it("is read in pages, filtered or not", () => {
    for (let i = 0; i < 6; i++) shard.done(SYSTEM, createSession(`s${i}`));
    const numbers: number[] = [];
    let after = 0;
    do {
      const page = shard.ask(
        AUDITOR,
        { kind: "list-audit", after, pageSize: 3, filter: { ...ANY, action: "auth.login" } },
        "audit",
      );
      numbers.push(...page.entries.map(({ entry }) => entry.number));
      after = page.next;
    } while (after !== 0);
    expect(numbers).deep.equals([2, 3, 4, 5, 6, 7]);
  });

  it("is whole, whatever was done", () => {
    fc.assert(
      fc.property(anyLog, (log) => {
        const { memory } = new AgendaShard();
        for (const { command: next, timeMs } of log) memory.apply(next, timeMs);
        const kept = memory.state.rows().filter(({ key }) => key.startsWith("au/"));
        const entries = kept.map(({ value }) => rows.audit.decode(value));
        const row = memory.state.get(KEYS.auditHead);
        const head = row === undefined ? NO_AUDIT : rows.auditHead.decode(row);
        expect(entries.map(({ entry }) => entry.number)).deep.equals(entries.map((_, i) => i + 1));
        expect(Buffer.from(head.hash).equals(chain(entries, NO_AUDIT.hash))).equals(true);
      }),
    );
  });

  describe("that is signed", () => {
    const SIGNATURE = new Uint8Array(64);
    const signed = (number: number, hash: Uint8Array): Operation => ({
      kind: "sign-audit",
      checkpoint: { number, hash, keyId: "k1", signature: SIGNATURE, timeMs: 0 },
    });

    it("keeps signatures of what it holds, and of nothing else", () => {
      const { head } = listAudit(shard);
      shard.refused(SYSTEM, signed(1, new Uint8Array(32)), "failed-precondition");
      shard.refused(SYSTEM, signed(2, head.hash), "failed-precondition");
      shard.refused(ROOT, signed(1, head.hash), "permission-denied");
      shard.done(SYSTEM, signed(1, head.hash));
      shard.refused(SYSTEM, signed(1, head.hash), "already-exists");
      const question = { kind: "list-audit-checkpoints", after: 0, pageSize: 10 } as const;
      const { checkpoints } = shard.ask(AUDITOR, question, "audit-checkpoints");
      expect(checkpoints.map(({ number }) => number)).deep.equals([1]);
    });

    it("forgets what is signed when it is told to, and goes on from there", () => {
      for (let i = 0; i < 4; i++) shard.done(SYSTEM, createSession(`s${i}`));
      const { entries } = listAudit(shard);
      const third = entries[2];
      if (third === undefined) throw new Error("no third entry");
      shard.refused(ROOT, { kind: "prune-audit", upTo: 3 }, "failed-precondition");
      shard.done(SYSTEM, signed(3, third.hash));
      shard.refused(userCaller("ana"), { kind: "prune-audit", upTo: 3 }, "permission-denied");
      shard.done(ROOT, { kind: "prune-audit", upTo: 3 });
      const after = listAudit(shard);
      expect(after.entries.map(({ entry }) => entry.number)).deep.equals([4, 5, 6]);
      expect(after.head).to.include({ first: 4, number: 6 });
      expect(Buffer.from(after.head.hash).equals(chain(after.entries, third.hash))).equals(true);
      expect(shard.memory.state.get(KEYS.audit(3))).equals(undefined);
    });
  });
});
