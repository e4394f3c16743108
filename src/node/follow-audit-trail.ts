import { InvariantViolation } from "../base/index.js";
import type { AuditCheckpoint, AuditEntry, AuditHead } from "../domain/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import { askReplica } from "./ask-shard.js";

/** How the hashes of a trail are made. */
export interface AuditChain {
  /** Before the first entry. */
  readonly start: Uint8Array;
  next(before: Uint8Array, entry: AuditEntry): Uint8Array;
}

export interface TrailEnd {
  readonly number: number;
  readonly hash: Uint8Array;
}

export type FollowedTrail =
  | { readonly kind: "follows"; readonly end: TrailEnd }
  | { readonly kind: "broken"; readonly fault: string };

const PAGE_SIZE = 500;
/** That are followed at once; what is beyond them is followed the next time. */
const PAGES_MAX = 20;
const NO_FILTER = {
  subject: "",
  action: "",
  object: "",
  decision: "",
  startMs: 0,
  endMs: 0,
} as const;

/** Goes from the last entry that is signed to the end, and looks whether each entry follows from the one before. */
export async function followAuditTrail(
  replica: ReplicaHandle,
  chain: AuditChain,
  head: AuditHead,
): Promise<FollowedTrail> {
  let end = await findSigned(replica, chain, head);
  if (end === undefined) return broken(`the signature of entry ${head.signed} is missing`);
  for (let pages = 0; pages < PAGES_MAX && end.number < head.number; pages++) {
    const page = await findPage(replica, end.number);
    if (page === undefined || page.entries.length === 0) {
      return broken(`entries after ${end.number} are missing`);
    }
    for (const { entry, hash } of page.entries) {
      if (!isEqual(chain.next(end.hash, entry), hash)) {
        return broken(`entry ${entry.number} does not follow from the one before`);
      }
      end = { number: entry.number, hash };
    }
    if (end.number === page.head.number && !isEqual(end.hash, page.head.hash)) {
      return broken(`entry ${end.number} is not the one that was written last`);
    }
  }
  return { kind: "follows", end };
}

export async function readAuditHead(replica: ReplicaHandle): Promise<AuditHead> {
  return (await readPage(replica, Number.MAX_SAFE_INTEGER - 1)).head;
}

/** Those that the shard holds after an entry, in order; of many the first. */
export async function readCheckpoints(
  replica: ReplicaHandle,
  after: number,
  pageSize: number,
): Promise<readonly AuditCheckpoint[]> {
  const question = { kind: "list-audit-checkpoints", after, pageSize } as const;
  return (await askReplica(replica, question, "audit-checkpoints")).checkpoints;
}

async function findSigned(
  replica: ReplicaHandle,
  { start }: AuditChain,
  { signed }: AuditHead,
): Promise<TrailEnd | undefined> {
  if (signed === 0) return { number: 0, hash: start };
  const [checkpoint] = await readCheckpoints(replica, signed - 1, 1);
  return checkpoint?.number === signed ? checkpoint : undefined;
}

/** Undefined where a gap makes that no trail. */
async function findPage(replica: ReplicaHandle, after: number) {
  try {
    return await readPage(replica, after);
  } catch (cause) {
    if (cause instanceof InvariantViolation) return undefined;
    throw cause;
  }
}

async function readPage(replica: ReplicaHandle, after: number) {
  const question = { kind: "list-audit", after, pageSize: PAGE_SIZE, filter: NO_FILTER } as const;
  return await askReplica(replica, question, "audit");
}

function broken(fault: string): FollowedTrail {
  return { kind: "broken", fault };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}
