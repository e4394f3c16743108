import { assert } from "../base/index.js";
import type {
  AuditCheckpoint,
  AuditFilter,
  AuditHead,
  AuditEntry,
  AuditRecord,
  Caller,
  ChainedAuditEntry,
  Command,
  CommandReply,
  Operation,
  Question,
} from "../domain/index.js";
import { decide } from "../policy/index.js";
import { describeForAudit } from "./audited.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { KEYS } from "./rows.js";
import type { StateReader } from "./state-reader.js";
import type { Codec, KeyRange } from "./types.js";

type SignAudit = Extract<Operation, { kind: "sign-audit" }>;
type PruneAudit = Extract<Operation, { kind: "prune-audit" }>;

/** Records that one command brings. */
export const AUDIT_RECORDS_MAX = 64;
/** Entries that one command forgets. */
export const AUDIT_PRUNED_MAX = 500;
/** Entries that one page looks at, whatever the filter leaves of them. */
const PAGE_SCANNED_MAX = 500;
const PAGE_CHECKPOINTS_MAX = 100;
const HASH_BYTES = 32;

/** Before the first entry. */
export const NO_AUDIT: AuditHead = {
  number: 0,
  hash: new Uint8Array(HASH_BYTES),
  signed: 0,
  first: 1,
};

/**
 * Writes what a command did into the trail, in the same batch: nothing happens without its entry, and no entry is of what did not
 * happen. A refusal is written here only where it had an effect; of the others the doors tell, put together.
 */
export function audit(draft: Draft, command: Command, reply: CommandReply, codec: Codec): void {
  const records = recordsOf(command, reply, draft.writes.length > 0);
  if (records.length === 0) return;
  let head = draft.auditHead ?? findHead(draft);
  for (const record of records) {
    const { index, timeMs } = draft.context;
    const entry = { ...record, number: head.number + 1, timeMs, index };
    const hash = chainHash(codec, head.hash, entry);
    draft.put(draft.rows.audit, KEYS.audit(entry.number), { entry, hash });
    head = { ...head, number: entry.number, hash };
  }
  draft.put(draft.rows.auditHead, KEYS.auditHead, head);
  draft.audited = records.length;
}

/** The one definition of the chain. */
export function chainHash(
  codec: Pick<Codec, "digest" | "rows">,
  before: Uint8Array,
  entry: AuditEntry,
): Uint8Array {
  const bytes = codec.rows.auditEntry.encode(entry);
  const chained = new Uint8Array(before.length + bytes.length);
  chained.set(before);
  chained.set(bytes, before.length);
  return codec.digest(chained);
}

export function recordAudit(caller: Caller): Outcome {
  if (decide(caller, "audit.record", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster writes the audit trail");
  }
  return { kind: "done", name: "audit", revision: 0 };
}

/** Keeps a signature of an entry that is in the trail as it was signed. */
export function signAudit(draft: Draft, caller: Caller, { checkpoint }: SignAudit): Outcome {
  if (decide(caller, "audit.sign", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster signs its audit trail");
  }
  const { number, hash } = checkpoint;
  const head = findHead(draft);
  if (number <= head.signed) return refuse("already-exists", "a later entry is signed already");
  const signed = draft.find(draft.rows.audit, KEYS.audit(number));
  if (signed === undefined || !isEqual(signed.hash, hash)) {
    return refuse("failed-precondition", `the trail has no entry ${number} of this hash`);
  }
  const kept: AuditCheckpoint = { ...checkpoint, timeMs: draft.nowMs };
  draft.put(draft.rows.auditCheckpoint, KEYS.auditCheckpoint(number), kept);
  draft.put(draft.rows.auditHead, KEYS.auditHead, { ...head, signed: number });
  return { kind: "done", name: `audit/checkpoints/${number}`, revision: 0 };
}

/** Only what a signature covers, so that what was exported can be told from what was made up. */
export function pruneAudit(draft: Draft, caller: Caller, { upTo }: PruneAudit): Outcome {
  if (decide(caller, "audit.prune", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only an administrator prunes the audit trail");
  }
  const head = findHead(draft);
  if (upTo > head.signed) {
    return refuse("failed-precondition", `only entries up to ${head.signed} are signed`);
  }
  const first = Math.max(head.first, Math.min(upTo + 1, head.first + AUDIT_PRUNED_MAX));
  for (let number = head.first; number < first; number++) draft.delete(KEYS.audit(number));
  // Written with the entry of this.
  draft.auditHead = { ...head, first };
  return { kind: "done", name: `audit/${first}`, revision: 0 };
}

export function readAudit(
  state: StateReader,
  { after, pageSize, filter }: Extract<Question, { kind: "list-audit" }>,
): {
  readonly entries: readonly ChainedAuditEntry[];
  readonly next: number;
  readonly head: AuditHead;
} {
  const head = findHead(state);
  const first = Math.max(after + 1, head.first);
  if (first > head.number) return { entries: [], next: 0, head };
  const range: KeyRange = {
    start: KEYS.audit(first),
    end: KEYS.audit(head.number + 1),
    limit: Math.min(Math.max(pageSize, 1), PAGE_SCANNED_MAX),
  };
  const seen = state.view.range(range).map(({ value }) => state.rows.audit.decode(value));
  const last = seen.at(-1)?.entry.number ?? head.number;
  assert(last === first + seen.length - 1, `the audit trail has a gap after ${first}`);
  const entries = seen.filter(({ entry }) => isWanted(entry, filter));
  return { entries, next: last < head.number ? last : 0, head };
}

export function readAuditCheckpoints(
  state: StateReader,
  { after, pageSize }: Extract<Question, { kind: "list-audit-checkpoints" }>,
): { readonly checkpoints: readonly AuditCheckpoint[]; readonly next: number } {
  const limit = Math.min(Math.max(pageSize, 1), PAGE_CHECKPOINTS_MAX);
  const range: KeyRange = {
    start: KEYS.auditCheckpoint(after + 1),
    end: KEYS.auditCheckpoint(Number.MAX_SAFE_INTEGER),
    limit: limit + 1,
  };
  const found = state.view
    .range(range)
    .map(({ value }) => state.rows.auditCheckpoint.decode(value));
  const checkpoints = found.slice(0, limit);
  const next = found.length > limit ? (checkpoints.at(-1)?.number ?? 0) : 0;
  return { checkpoints, next };
}

function findHead(state: StateReader): AuditHead {
  return state.find(state.rows.auditHead, KEYS.auditHead) ?? NO_AUDIT;
}

function recordsOf(
  command: Command,
  reply: CommandReply,
  hadEffect: boolean,
): readonly AuditRecord[] {
  const { caller, operation, requestId, origin = "" } = command;
  if (operation.kind === "record-audit") return reply.kind === "done" ? operation.records : [];
  const described = describeForAudit(operation, reply);
  if (described === undefined) return [];
  if (reply.kind === "refused" && !hadEffect) return [];
  const decision = described.decision ?? (reply.kind === "done" ? "allow" : reply.code);
  return [
    {
      subject: described.subject ?? subjectOf(caller),
      action: described.action,
      object: described.object,
      decision,
      detail: described.detail ?? "",
      origin,
      requestId,
      count: 1,
    },
  ];
}

function subjectOf(caller: Caller): string {
  return caller.kind === "user" ? `users/${caller.user}` : caller.kind;
}

function isWanted(entry: AuditEntry, filter: AuditFilter): boolean {
  return (
    (filter.subject === "" || entry.subject === filter.subject) &&
    (filter.action === "" || entry.action === filter.action) &&
    entry.object.startsWith(filter.object) &&
    (filter.decision === "" || entry.decision === filter.decision) &&
    entry.timeMs >= filter.startMs &&
    (filter.endMs === 0 || entry.timeMs < filter.endMs)
  );
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
