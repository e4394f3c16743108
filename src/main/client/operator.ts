import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Client, Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AuditService, ClusterService } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import type { ClusterStatus, Shard } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import type { LocalCluster } from "../ready-file.js";

export type NodeClient = Client<typeof ClusterService>;
export type AuditClient = Client<typeof AuditService>;

type OperatedCluster = Pick<LocalCluster, "ca" | "operatorCert" | "operatorKey" | "nodes">;

/** A membership change waits for its entry, and for the joint configuration to end. */
const TIMEOUT_MS = 15_000;
const STATUS_TIMEOUT_MS = 5000;
const LEADER_WAIT_MS = 20_000;
const ASK_AGAIN_MS = 100;
/** Trailer with our own code of what failed. */
const ERROR_CODE = "cabildo-error";

/** The admin API of the nodes of a cluster on this machine, by the operator's certificate. */
export class Operator {
  readonly #cluster: OperatedCluster;
  readonly #tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };

  static async open(cluster: OperatedCluster): Promise<Operator> {
    const [ca, cert, key] = await Promise.all([
      readFile(cluster.ca),
      readFile(cluster.operatorCert),
      readFile(cluster.operatorKey),
    ]);
    return new Operator(cluster, { ca, cert, key });
  }

  private constructor(
    cluster: OperatedCluster,
    tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer },
  ) {
    this.#cluster = cluster;
    this.#tls = tls;
  }

  /** Every node knows how to ask the others: the first one that answers is enough. */
  status(): Promise<ClusterStatus> {
    return this.#first((address) => this.at(address, STATUS_TIMEOUT_MS).getStatus({}));
  }

  /** What any node can do as well as another. */
  anywhere<T>(ask: (node: NodeClient) => Promise<T>): Promise<T> {
    return this.#first((address) => ask(this.at(address)));
  }

  audit<T>(ask: (node: AuditClient) => Promise<T>): Promise<T> {
    return this.#first((address) =>
      ask(createClient(AuditService, this.#transport(address, TIMEOUT_MS))),
    );
  }

  at(address: string, timeoutMs = TIMEOUT_MS): NodeClient {
    return createClient(ClusterService, this.#transport(address, timeoutMs));
  }

  #transport(address: string, timeoutMs: number): Transport {
    return createGrpcTransport({
      baseUrl: `https://${address}`,
      defaultTimeoutMs: timeoutMs,
      nodeOptions: this.#tls,
    });
  }

  /** Of the first node that is there. */
  async #first<T>(ask: (address: string) => Promise<T>): Promise<T> {
    const troubles: string[] = [];
    for (const { name, address } of this.#cluster.nodes) {
      try {
        return await ask(address);
      } catch (cause) {
        if (!isElsewhere(cause)) throw cause;
        troubles.push(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    }
    throw new Error(`no node answers (is the cluster up?): ${troubles.join("; ")}`);
  }

  async atNode(name: string): Promise<NodeClient> {
    return this.at(requireAddress(await this.status(), name));
  }

  /** Asks whoever leads a shard, and again where that has just changed. */
  async atLeader<T>(shard: string, ask: (leader: NodeClient) => Promise<T>): Promise<T> {
    const endMs = performance.now() + LEADER_WAIT_MS;
    for (;;) {
      const status = await this.status();
      const { leader } = requireShard(status, shard);
      try {
        if (leader !== "") return await ask(this.at(requireAddress(status, leader)));
      } catch (cause) {
        if (!isElsewhere(cause) || performance.now() > endMs) throw cause;
      }
      if (performance.now() > endMs) throw new Error(`nobody leads ${shard}: see cabildo status`);
      await sleep(ASK_AGAIN_MS);
    }
  }
}

export function requireShard(status: ClusterStatus, name: string): Shard {
  const shard = status.shards.find((candidate) => candidate.name === name);
  if (shard !== undefined) return shard;
  const names = status.shards.map((candidate) => candidate.name).join(", ");
  throw new Error(`there is no shard ${name}: ${names} are`);
}

export function requireAddress(status: ClusterStatus, name: string): string {
  const node = status.nodes.find((candidate) => candidate.name === name);
  if (node !== undefined && node.address !== "") return node.address;
  const names = status.nodes.map((candidate) => candidate.name).join(", ");
  throw new Error(`no node ${name} is known: ${names} are (a new one first needs --join)`);
}

function isElsewhere(cause: unknown): boolean {
  if (!(cause instanceof ConnectError)) return false;
  const code = cause.metadata.get(ERROR_CODE);
  return code === "not-leader" || cause.code === Code.Unavailable;
}
