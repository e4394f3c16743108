import { shardOfReplica } from "../placement/index.js";
import type { ShardNumber } from "../placement/index.js";
import { isAtLeast } from "../raft/index.js";
import type { Message, ReplicaId } from "../raft/index.js";
import type { KnownNode, KnownReplica, LogId, PeerHello, Store } from "./ports.js";
import { listOf, parseList } from "./stored-list.js";

interface KnownPeer {
  readonly storeId: string;
  boot: number;
  life: number;
  readonly replicas: Map<ReplicaId, Seen>;
}

interface Seen {
  term: number;
  acknowledged: LogId;
}

/**
 * What this node knows of the disks of the others, kept on its own: which store a node has, how often that was started, and
 * what its replicas were heard to promise. A node that comes back with another disk is refused, because it forgot what it
 * had promised; one that comes back with an older copy of its disk is told what it forgot.
 */
export class PeerRegistry {
  readonly #clusterId: string;
  readonly #store: Store;
  readonly #known: Map<string, KnownPeer>;
  #isChanged = false;

  static async open(options: {
    readonly clusterId: string;
    readonly store: Store;
  }): Promise<PeerRegistry> {
    const stored = await options.store.readFact(FACT);
    return new PeerRegistry(options.clusterId, options.store, parse(stored));
  }

  private constructor(clusterId: string, store: Store, known: Map<string, KnownPeer>) {
    this.#clusterId = clusterId;
    this.#store = store;
    this.#known = known;
  }

  storeOf(node: string): string {
    return this.#known.get(node)?.storeId ?? "";
  }

  /** Undefined if the peer may speak, else why not. */
  admit(hello: PeerHello): string | undefined {
    const { node, clusterId, storeId, boot, life } = hello;
    if (clusterId !== this.#clusterId) {
      return `this node belongs to cluster ${this.#clusterId}, not to ${clusterId}`;
    }
    if (hello.featureLevel === 0) {
      return `${node} is of a version that writes another format: both cannot run together`;
    }
    if (hello.toStoreId !== "" && hello.toStoreId !== this.#store.storeId) {
      return `${node} knows this node by another disk: ${WIPED}`;
    }
    const known = this.#known.get(node);
    if (known === undefined) {
      this.#known.set(node, { storeId, boot, life, replicas: new Map() });
      this.save();
      return undefined;
    }
    if (known.storeId !== storeId) return `${node} comes with another disk than before: ${WIPED}`;
    // An older copy stays known by what it forgot until it was told, and counts its starts on from there.
    if (boot > known.boot) {
      known.boot = boot;
      known.life = life;
      this.save();
    }
    return undefined;
  }

  /** What a node has to be told of itself; `termOf` is the term in which this node's own replica of a shard is. */
  knownOf(node: string, termOf: (shard: ShardNumber) => number): KnownNode | undefined {
    const known = this.#known.get(node);
    if (known === undefined) return undefined;
    const replicas = [...known.replicas].map(([replica, seen]): KnownReplica => {
      // Whoever led here by its vote did so in a term that this node is in at least.
      const term = Math.max(seen.term, termOf(shardOfReplica(replica)));
      return { replica, term, acknowledged: seen.acknowledged };
    });
    return { boot: known.boot, life: known.life, replicas };
  }

  /** A replica of the node promised something: its term, or what of the log it holds. */
  heard(node: string, message: Message, acknowledged: LogId | undefined): void {
    const { from, term, kind } = message;
    // A pre-vote asks about a term that nobody is in yet.
    if (kind === "pre-vote" || kind === "pre-vote-response") return;
    const known = this.#known.get(node);
    if (known === undefined) return;
    let seen = known.replicas.get(from);
    if (seen === undefined) {
      seen = { term: 0, acknowledged: { index: 0, term: 0 } };
      known.replicas.set(from, seen);
    }
    if (term > seen.term) {
      seen.term = term;
      this.#isChanged = true;
    }
    if (acknowledged !== undefined && !isAtLeast(seen.acknowledged, acknowledged)) {
      seen.acknowledged = acknowledged;
      this.#isChanged = true;
    }
  }

  /** What was heard since the last time is durable a little later; what is lost before that, this node forgets. */
  saveIfChanged(): void {
    if (this.#isChanged) this.save();
  }

  save(): void {
    this.#isChanged = false;
    const rows = [...this.#known].map(([node, { storeId, boot, life, replicas }]) => [
      ...[node, storeId, boot, life],
      [...replicas].map(([replica, { term, acknowledged }]) => [
        ...[replica, term, acknowledged.index, acknowledged.term],
      ]),
    ]);
    // A failed write is fatal for the store, which says so itself.
    this.#store.writeFact(FACT, Buffer.from(JSON.stringify(rows))).catch(() => undefined);
  }
}

const FACT = "peers";
const WIPED =
  "a disk that was wiped forgot what it had promised, so it never votes again: start it as a node of another name, let that " +
  "join, and remove this one";

function parse(stored: Uint8Array | undefined): Map<string, KnownPeer> {
  const known = new Map<string, KnownPeer>();
  for (const row of parseList(stored)) {
    const [node, storeId, boot, life, replicas] = listOf(row);
    if (typeof node !== "string" || typeof storeId !== "string") continue;
    if (typeof boot !== "number" || typeof life !== "number") continue;
    known.set(node, { storeId, boot, life, replicas: parseReplicas(replicas) });
  }
  return known;
}

function parseReplicas(rows: unknown): Map<ReplicaId, Seen> {
  const replicas = new Map<ReplicaId, Seen>();
  for (const row of listOf(rows)) {
    const [replica, term, index, indexTerm] = listOf(row).map(Number);
    if (replica === undefined || term === undefined) continue;
    if (index === undefined || indexTerm === undefined) continue;
    replicas.set(replica, { term, acknowledged: { index, term: indexTerm } });
  }
  return replicas;
}
