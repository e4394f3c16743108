import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Client, Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import {
  AuditService,
  ClusterService,
  RouteService,
} from "../../../gen/cabildo/admin/v1/admin_pb.js";
import type { ClusterStatus, Route, Shard } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { ShardService } from "../../../gen/cabildo/shard/v1/shard_pb.js";
import type { StatusResponse } from "../../../gen/cabildo/shard/v1/shard_pb.js";
import { refuseOpenKey } from "../../auth/index.js";
import type { LocalCluster } from "../ready-file.js";

export type NodeClient = Client<typeof ClusterService>;
export type AuditClient = Client<typeof AuditService>;

type OperatedCluster = Pick<LocalCluster, "ca" | "operatorCert" | "operatorKey" | "nodes">;

/** A membership change waits for its entry, and for the joint configuration to end. */
const TIMEOUT_MS = 15_000;
const STATUS_TIMEOUT_MS = 5000;
/** A node that is silent for so long may hang: the next one is asked too. */
const SILENT_MS = 700;
const LEADER_WAIT_MS = 20_000;
const ASK_AGAIN_MS = 100;
/** Trailer with our own code of what failed. */
const ERROR_CODE = "cabildo-error";

/** The admin API of the nodes of a cluster on this machine, by the operator's certificate. */
export class Operator {
  readonly #cluster: OperatedCluster;
  readonly #tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  readonly #sessions = new Map<string, Http2SessionManager>();

  static async open(cluster: OperatedCluster): Promise<Operator> {
    refuseOpenKey(cluster.operatorKey);
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
  async status(): Promise<ClusterStatus> {
    return (await this.#statusOf()).status;
  }

  /** What a node says of itself. */
  async nodeStatus(name: string): Promise<StatusResponse> {
    const address = requireAddress(await this.status(), name);
    return createClient(ShardService, this.#transport(address, STATUS_TIMEOUT_MS)).status({});
  }

  /** What any node can do as well as another: one that answers does it, once. */
  async anywhere<T>(ask: (node: NodeClient) => Promise<T>): Promise<T> {
    const { status, address } = await this.#statusOf();
    // A node that was taken out may still run, answer, and do nothing.
    const leader = status.shards.find(({ name }) => name === "system")?.leader ?? "";
    return ask(this.at(leader === "" ? address : requireAddress(status, leader)));
  }

  explainRoute(name: string): Promise<Route> {
    return this.#read((address) =>
      createClient(RouteService, this.#transport(address, TIMEOUT_MS)).explainRoute({ name }),
    );
  }

  /** Reads a trail. */
  audit<T>(ask: (node: AuditClient) => Promise<T>): Promise<T> {
    return this.#read((address) =>
      ask(createClient(AuditService, this.#transport(address, TIMEOUT_MS))),
    );
  }

  at(address: string, timeoutMs = TIMEOUT_MS): NodeClient {
    return createClient(ClusterService, this.#transport(address, timeoutMs));
  }

  /** The same over a connection of its own, for what takes long: others are hung up where nobody answers in time. */
  apart(address: string, timeoutMs: number): NodeClient {
    return createClient(ClusterService, this.#transport(address, timeoutMs, this.#open(address)));
  }

  #transport(
    address: string,
    timeoutMs: number,
    sessionManager = this.#sessionWith(address),
  ): Transport {
    return createGrpcTransport({
      baseUrl: `https://${address}`,
      defaultTimeoutMs: timeoutMs,
      sessionManager,
      interceptors: [this.#hangUpWhenSilent(address)],
    });
  }

  #hangUpWhenSilent(address: string): Interceptor {
    return (next) => async (request) => {
      try {
        return await next(request);
      } catch (cause) {
        if (isTimeout(cause)) this.#hangUp(address);
        throw cause;
      }
    };
  }

  #sessionWith(address: string): Http2SessionManager {
    const known = this.#sessions.get(address);
    if (known !== undefined) return known;
    const session = this.#open(address);
    this.#sessions.set(address, session);
    return session;
  }

  #open(address: string): Http2SessionManager {
    return new Http2SessionManager(`https://${address}`, undefined, this.#tls);
  }

  /** Lets go of a connection on which nobody answers: it would keep this process for as long as it hangs. */
  #hangUp(address: string): void {
    this.#sessions.get(address)?.abort();
    this.#sessions.delete(address);
  }

  #statusOf(): Promise<{ readonly address: string; readonly status: ClusterStatus }> {
    return this.#read(async (address) => ({
      address,
      status: await this.at(address, STATUS_TIMEOUT_MS).getStatus({}),
    }));
  }

  /** Of the first node that answers; who is silent is not waited for while there is another one to ask. */
  async #read<T>(ask: (address: string) => Promise<T>): Promise<T> {
    const open = new Set<string>();
    const attempts: Promise<Answered<T>>[] = [];
    const troubles: string[] = [];
    const begin = async (name: string, address: string): Promise<Answered<T>> => {
      open.add(address);
      try {
        return { kind: "value", value: await ask(address) };
      } catch (cause) {
        if (!isPassing(cause)) return { kind: "refusal", cause };
        troubles.push(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
        this.#hangUp(address);
        throw cause;
      } finally {
        open.delete(address);
      }
    };
    let found: Answered<T> | undefined;
    for (const { name, address } of this.#cluster.nodes) {
      attempts.push(begin(name, address));
      found = await within(SILENT_MS, attempts);
      if (found !== undefined) break;
    }
    found ??= await Promise.any(attempts).catch(() => undefined);
    for (const address of open) this.#hangUp(address);
    if (found?.kind === "value") return found.value;
    if (found !== undefined) throw found.cause;
    throw new Error(`no node answers (is the cluster up?): ${troubles.join("; ")}`);
  }

  async atNode(name: string): Promise<NodeClient> {
    const status = await this.status();
    const isMet = status.nodes.some((node) => node.name === name);
    // One that is still to join is known here alone.
    const local = isMet ? undefined : this.#cluster.nodes.find((node) => node.name === name);
    return this.at(local?.address ?? requireAddress(status, name));
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

/** The address of a node that has just answered. */
export function requireAnswering(status: ClusterStatus, name: string): string {
  const address = requireAddress(status, name);
  if (!status.unreachable.includes(name)) return address;
  throw new Error(`${name} does not answer: see cabildo status`);
}

type Answered<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "refusal"; readonly cause: unknown };

/** The first that succeeds in time; undefined where none does, at once where all have failed. */
async function within<T>(ms: number, attempts: readonly Promise<T>[]): Promise<T | undefined> {
  const first = Promise.any(attempts).catch(() => undefined);
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined);
  const found = await Promise.race([first, late]);
  timer.abort();
  return found;
}

/** Whether the same may be done a moment later, or somewhere else. */
export const isPassing = (cause: unknown): boolean => isElsewhere(cause) || isTimeout(cause);

const isTimeout = (cause: unknown): boolean =>
  cause instanceof ConnectError && cause.code === Code.DeadlineExceeded;

function isElsewhere(cause: unknown): boolean {
  if (!(cause instanceof ConnectError)) return false;
  const code = cause.metadata.get(ERROR_CODE);
  return code === "not-leader" || cause.code === Code.Unavailable;
}
