/** What was done, or refused: who, what, to what, from where. Never a secret. */
export interface AuditRecord {
  /** `users/ana`, `operators/eve`, `nodes/node-1`, `anonymous` or `system`. */
  readonly subject: string;
  /** A row of the table of rights. */
  readonly action: string;
  /** Resource name, or what stands for one: `shards/groups`. */
  readonly object: string;
  /** `allow`, or the code of the refusal. */
  readonly decision: string;
  readonly detail: string;
  /** Address of the client; empty where there is none. */
  readonly origin: string;
  readonly requestId: string;
  /** How often, where alike were put together. */
  readonly count: number;
}

/** A record as the trail of a shard keeps it. */
export interface AuditEntry extends AuditRecord {
  /** Dense within the shard, from 1. */
  readonly number: number;
  /** Log time. */
  readonly timeMs: number;
  /** Entry of the log that wrote it. */
  readonly index: number;
}

export interface ChainedAuditEntry {
  readonly entry: AuditEntry;
  /** SHA-256 over the hash before and the canonical bytes of the entry. */
  readonly hash: Uint8Array;
}

/** Where a shard's trail stands. */
export interface AuditHead {
  /** Of the last entry; 0 before the first. */
  readonly number: number;
  readonly hash: Uint8Array;
  /** Last entry that a signature covers. */
  readonly signed: number;
  /** First entry that is kept. */
  readonly first: number;
}

/** A head that was signed with the cluster's key. */
export interface AuditCheckpoint {
  readonly number: number;
  readonly hash: Uint8Array;
  readonly keyId: string;
  readonly signature: Uint8Array;
  /** Log time at which it was kept. */
  readonly timeMs: number;
}

/** Empty fields, and 0, say nothing. */
export interface AuditFilter {
  readonly subject: string;
  readonly action: string;
  /** Beginning of the object's name. */
  readonly object: string;
  readonly decision: string;
  readonly startMs: number;
  readonly endMs: number;
}
