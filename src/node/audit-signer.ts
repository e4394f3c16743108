import { signCheckpoint } from "../auth/index.js";
import { ClusterError } from "../base/index.js";
import type { AuditCheckpoint, AuditHead, ClusterKeys, Query } from "../domain/index.js";
import { findShard } from "../placement/index.js";
import type { RangeMap } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type { ShardClient } from "../shards/index.js";
import { decodeQueryReply, decodeReply, encodeCommand, encodeQuery } from "../wire/index.js";
import type { RelayClock } from "./outbox-relay.js";
import { Repeated } from "./repeated.js";
import { systemCommand } from "./system-command.js";

export interface AuditSignerOptions {
  readonly clusterId: string;
  readonly rangeMap: RangeMap;
  /** Of a node's certificate; closed by whoever made it. */
  readonly shards: Pick<ShardClient, "read">;
  readonly clock: RelayClock;
  /** Takes what was signed out of the cluster: whoever changes a trail later cannot change that. */
  readonly export: (shard: string, checkpoint: AuditCheckpoint) => Promise<void>;
  readonly failed: (shard: string, cause: unknown) => void;
}

const LOOK_MS = 5_000;
/** Entries after which a trail is signed, and how long fewer wait. */
const ENTRIES_MAX = 100;
const WAIT_MS = 60_000;
const TIMEOUT_MS = 5_000;
const SYSTEM = { kind: "system" } as const;
const NO_FILTER = {
  subject: "",
  action: "",
  object: "",
  decision: "",
  startMs: 0,
  endMs: 0,
} as const;

/** Signs the audit trails of the shards that this node leads. */
export class AuditSigner {
  readonly #options: AuditSignerOptions;
  /** Since when a shard has entries that are not signed. */
  readonly #unsignedSinceMs = new Map<number, number>();
  #keys: ClusterKeys | undefined;
  #looking: Repeated | undefined;

  constructor(options: AuditSignerOptions) {
    this.#options = options;
  }

  start(replicas: () => readonly ReplicaHandle[]): void {
    const { clock, failed } = this.#options;
    this.#looking = new Repeated({
      after: (delayMs, run) => clock.after(delayMs, run),
      pauseMs: LOOK_MS,
      work: () => this.#signAll(replicas()),
      failed: (cause) => {
        failed("all", cause);
      },
    });
  }

  /** Idempotent. */
  close(): void {
    this.#looking?.close();
  }

  /** What was not signed is signed later, here or by the next leader. */
  async #signAll(replicas: readonly ReplicaHandle[]): Promise<void> {
    for (const replica of replicas) {
      if (replica.status().role !== "leader") {
        this.#unsignedSinceMs.delete(replica.shard);
        continue;
      }
      try {
        await this.#signIfDue(replica);
      } catch (cause) {
        // It looks again soon: an election, or a leader that is about to go, is none of its business.
        const passes = cause instanceof ClusterError && cause.retryable;
        if (!passes && this.#looking?.isClosed !== true)
          this.#options.failed(this.#nameOf(replica), cause);
      }
    }
  }

  async #signIfDue(replica: ReplicaHandle): Promise<void> {
    const head = await readHead(replica);
    if (head.number === head.signed) {
      this.#unsignedSinceMs.delete(replica.shard);
      return;
    }
    const nowMs = this.#options.clock.wallMs();
    const sinceMs = this.#unsignedSinceMs.get(replica.shard) ?? nowMs;
    this.#unsignedSinceMs.set(replica.shard, sinceMs);
    if (head.number - head.signed < ENTRIES_MAX && nowMs - sinceMs < WAIT_MS) return;
    await this.#sign(replica, head);
    this.#unsignedSinceMs.delete(replica.shard);
  }

  async #sign(replica: ReplicaHandle, { number, hash }: AuditHead): Promise<void> {
    const { clusterId } = this.#options;
    this.#keys ??= await this.#readKeys();
    const { audit } = this.#keys;
    const shard = this.#nameOf(replica);
    const signature = signCheckpoint(audit.jwk, { clusterId, shard, number, hash });
    const checkpoint = { number, hash, keyId: audit.id, signature, timeMs: 0 };
    const command = systemCommand({ kind: "sign-audit", checkpoint });
    const { reply } = await replica.execute(encodeCommand(command), { timeoutMs: TIMEOUT_MS });
    const done = decodeReply(reply);
    if (done.kind === "refused") throw new ClusterError(done.code, done.message);
    await this.#options.export(shard, { ...checkpoint, timeMs: this.#options.clock.wallMs() });
  }

  async #readKeys(): Promise<ClusterKeys> {
    const { rangeMap, shards } = this.#options;
    const system = findShard(rangeMap, "system", "");
    if (system === undefined) throw new ClusterError("internal", "no shard keeps the keys");
    const query: Query = { caller: SYSTEM, question: { kind: "get-cluster-keys" } };
    const { reply } = await shards.read(system.number, query, { timeoutMs: TIMEOUT_MS });
    if (reply.kind === "refused") throw new ClusterError(reply.code, reply.message);
    if (reply.answer.kind === "cluster-keys") return reply.answer.keys;
    throw new ClusterError("internal", "a shard did not tell its keys");
  }

  #nameOf({ shard }: ReplicaHandle): string {
    const found = this.#options.rangeMap.shards.find(({ number }) => number === shard);
    return found?.name ?? String(shard);
  }
}

async function readHead(replica: ReplicaHandle): Promise<AuditHead> {
  const question = {
    kind: "list-audit",
    after: Number.MAX_SAFE_INTEGER - 1,
    pageSize: 1,
    filter: NO_FILTER,
  } as const;
  const { reply } = await replica.read(encodeQuery({ caller: SYSTEM, question }), {
    timeoutMs: TIMEOUT_MS,
    minSequence: 0,
    maxStalenessMs: 0,
  });
  const answer = decodeQueryReply(reply);
  if (answer.kind === "answered" && answer.answer.kind === "audit") return answer.answer.head;
  throw new ClusterError("internal", "a shard did not tell its audit trail");
}
