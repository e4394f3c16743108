import { signCheckpoint } from "../auth/index.js";
import { ClusterError } from "../base/index.js";
import type { AuditCheckpoint, ClusterKeys } from "../domain/index.js";
import { findShard, shardName } from "../placement/index.js";
import type { RangeMap, ShardNumber } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type { ShardClient } from "../shards/index.js";
import { askShard, propose, requireDone } from "./ask-shard.js";
import { followAuditTrail, readAuditHead, readCheckpoints } from "./follow-audit-trail.js";
import type { AuditChain, TrailEnd } from "./follow-audit-trail.js";
import type { RelayClock } from "./outbox-relay.js";
import { Repeated } from "./repeated.js";

/** How it stands with the audit trails of the shards that a node leads, for metrics and logs. */
export interface AuditObserver {
  /** For how long there have been entries that are not signed; 0 where there are none, or another node leads. */
  waiting(shard: ShardNumber, seconds: number): void;
  /** Where entries do not follow from those before, and so are not signed; undefined where they do, or another node leads. */
  broken(shard: ShardNumber, fault: string | undefined): void;
  /** Of one shard, or of all; it is tried again. */
  failed(shard: ShardNumber | undefined, cause: unknown): void;
}

/** Takes what was signed out of the cluster: whoever changes a trail later cannot change that. */
export interface CheckpointExport {
  /** Number of the last checkpoint of a shard that is there; 0 where none is. */
  last(shard: string): Promise<number>;
  /** All of them, or none where it fails. */
  add(shard: string, checkpoints: readonly AuditCheckpoint[]): Promise<void>;
}

export interface AuditSignerOptions {
  readonly clusterId: string;
  readonly rangeMap: RangeMap;
  /** Of a node's certificate; closed by whoever made it. */
  readonly shards: Pick<ShardClient, "read">;
  readonly clock: RelayClock;
  readonly chain: AuditChain;
  readonly exported: CheckpointExport;
  readonly observer: AuditObserver;
}

const LOOK_MS = 5_000;
/** Entries after which a trail is signed, and how long fewer wait. */
const ENTRIES_MAX = 100;
const WAIT_MS = 60_000;
/** Checkpoints that are exported at once; more follow at the next look. */
const EXPORTED_MAX = 100;

/** Signs the audit trails of the shards that this node leads, as far as each entry follows from the one before. */
export class AuditSigner {
  readonly #options: AuditSignerOptions;
  /** Since when a shard has entries that are not signed. */
  readonly #unsignedSinceMs = new Map<ShardNumber, number>();
  #keys: ClusterKeys | undefined;
  #looking: Repeated | undefined;

  constructor(options: AuditSignerOptions) {
    this.#options = options;
  }

  start(replicas: () => readonly ReplicaHandle[]): void {
    const { clock, observer } = this.#options;
    this.#looking = new Repeated({
      after: (delayMs, run) => clock.after(delayMs, run),
      pauseMs: LOOK_MS,
      work: () => this.#signAll(replicas()),
      failed: (cause) => {
        observer.failed(undefined, cause);
      },
    });
  }

  /** Idempotent. */
  close(): void {
    this.#looking?.close();
  }

  /** What was not signed is signed later, here or by the next leader. */
  async #signAll(replicas: readonly ReplicaHandle[]): Promise<void> {
    const { observer } = this.#options;
    for (const replica of replicas) {
      if (replica.status().role !== "leader") {
        this.#nothingWaits(replica.shard);
        observer.broken(replica.shard, undefined);
        continue;
      }
      await this.#try(replica, this.#signIfDue(replica));
      await this.#try(replica, this.#exportSigned(replica));
    }
  }

  async #try({ shard }: ReplicaHandle, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (cause) {
      // It looks again soon: an election, or a leader that is about to go, is none of its business.
      const passes = cause instanceof ClusterError && cause.retryable;
      if (!passes && this.#looking?.isClosed !== true) this.#options.observer.failed(shard, cause);
    }
  }

  /** From what the shard holds, so that what could not be written once, here or by a leader before, is written later. */
  async #exportSigned(replica: ReplicaHandle): Promise<void> {
    const { exported } = this.#options;
    const shard = this.#nameOf(replica);
    const missing = await readCheckpoints(replica, await exported.last(shard), EXPORTED_MAX);
    if (missing.length > 0) await exported.add(shard, missing);
  }

  async #signIfDue(replica: ReplicaHandle): Promise<void> {
    const { chain, clock, observer } = this.#options;
    const { shard } = replica;
    const nowMs = clock.wallMs();
    const sinceMs = this.#unsignedSinceMs.get(shard) ?? nowMs;
    observer.waiting(shard, (nowMs - sinceMs) / 1000);
    const head = await readAuditHead(replica);
    if (head.number === head.signed) {
      this.#nothingWaits(shard);
      return;
    }
    this.#unsignedSinceMs.set(shard, sinceMs);
    if (head.number - head.signed < ENTRIES_MAX && nowMs - sinceMs < WAIT_MS) return;
    const followed = await followAuditTrail(replica, chain, head);
    observer.broken(shard, followed.kind === "broken" ? followed.fault : undefined);
    if (followed.kind === "broken") return;
    await this.#sign(replica, followed.end);
    if (followed.end.number >= head.number) this.#nothingWaits(shard);
  }

  #nothingWaits(shard: ShardNumber): void {
    this.#unsignedSinceMs.delete(shard);
    this.#options.observer.waiting(shard, 0);
  }

  async #sign(replica: ReplicaHandle, { number, hash }: TrailEnd): Promise<void> {
    const { clusterId } = this.#options;
    this.#keys ??= await this.#readKeys();
    const { audit } = this.#keys;
    const shard = this.#nameOf(replica);
    const signature = signCheckpoint(audit.jwk, { clusterId, shard, number, hash });
    const checkpoint = { number, hash, keyId: audit.id, signature, timeMs: 0 };
    requireDone(await propose(replica, { kind: "sign-audit", checkpoint }));
  }

  async #readKeys(): Promise<ClusterKeys> {
    const { rangeMap, shards } = this.#options;
    const system = findShard(rangeMap, "system", "");
    if (system === undefined) throw new ClusterError("internal", "no shard keeps the keys");
    const question = { kind: "get-cluster-keys" } as const;
    return (await askShard(shards, system.number, question, "cluster-keys")).keys;
  }

  #nameOf({ shard }: ReplicaHandle): string {
    return shardName(this.#options.rangeMap, shard);
  }
}
