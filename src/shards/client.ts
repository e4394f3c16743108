import { setMaxListeners } from "node:events";
import type { StatusResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError } from "../base/index.js";
import type { Command, Query } from "../domain/index.js";
import { findShard } from "../placement/index.js";
import type { PlacedReplica, RangeMap, ShardNumber } from "../placement/index.js";
import { Admission, type AdmissionLimits } from "./admission.js";
import { SYSTEM_CLOCK, SYSTEM_RANDOM, type ShardClock } from "./clock.js";
import type { ShardCodec } from "./codec.js";
import { createDial, type Dial, type NodeAddress } from "./dial.js";
import { ExecuteLink, type Attempt } from "./execute-link.js";
import { follow } from "./follow.js";
import { Leaders } from "./leaders.js";
import { KnownMembers, type Answered } from "./known-members.js";
import { NodeChannels } from "./node-calls.js";
import type { ShardObserver } from "./observer.js";
import { ANY_RANGE_VERSION, toSafeInteger } from "../wire/index.js";
import type { TlsMaterial } from "../wire/index.js";
import { pursue, type Pursuit, type PursuitContext } from "./pursuit.js";
import { Readers } from "./readers.js";
import { RetryBudget } from "./retry-budget.js";
import type {
  CallOptions,
  ChangesEvent,
  ChangesOptions,
  CommandResult,
  MembersPupil,
  QueryResult,
  ReadOptions,
  ReplicaRole,
  ShardClient,
  ShardStatus,
} from "./types.js";

export interface ShardNode {
  readonly name: string;
  /** host:port. */
  readonly address: string;
  readonly replicas: readonly PlacedReplica[];
}

export interface ShardClientOptions {
  readonly nodes: readonly ShardNode[];
  /** The certificate's role is what the nodes let this process do. */
  readonly tls: TlsMaterial;
  /** To begin with: the `system` shard knows better. */
  readonly rangeMap: RangeMap;
  /** The cluster's name, as in every certificate. */
  readonly clusterName: string;
  readonly codec: ShardCodec;
  readonly clock?: ShardClock;
  readonly random?: () => number;
  /** Of each shard. */
  readonly admission?: AdmissionLimits;
  readonly observer?: Partial<ShardObserver>;
}

/** Reads are answered by any replica, at the price of a question to the leader: so who leads is asked while they flow. */
const ASK_LEADERS_MS = 1000;

/** For the range map, beside the deadline of the call that needs it. */
const REFRESH_MS = 1000;

export function createShardClient(options: ShardClientOptions): ShardClient & MembersPupil {
  return new GrpcShardClient(options);
}

class GrpcShardClient implements ShardClient, MembersPupil {
  #rangeMap: RangeMap;
  #refreshing: Promise<RangeMap | undefined> | undefined;
  readonly #options: ShardClientOptions;
  readonly #clock: ShardClock;
  readonly #random: () => number;
  readonly #dial: Dial;
  readonly #leaders: Leaders;
  readonly #readers: Readers;
  readonly #links = new Map<string, ExecuteLink>();
  /** Feeds and status travel apart from calls, so that neither waits for the other. */
  readonly #side: NodeChannels;
  readonly #members: KnownMembers;
  readonly #admissions = new Map<ShardNumber, Admission>();
  readonly #budget = new RetryBudget();
  readonly #askedMs = new Map<string, number>();
  readonly #closing = new AbortController();
  readonly #pursuing: PursuitContext;

  constructor(options: ShardClientOptions) {
    this.#options = options;
    this.#rangeMap = options.rangeMap;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#random = options.random ?? SYSTEM_RANDOM;
    this.#dial = createDial(options.clusterName, options.tls);
    this.#side = new NodeChannels(options.nodes, this.#dial);
    // One listener a call that waits.
    setMaxListeners(0, this.#closing.signal);
    this.#leaders = new Leaders(options.nodes, this.#clock);
    this.#readers = new Readers(this.#leaders, this.#clock);
    this.#pursuing = {
      leaders: this.#leaders,
      readers: this.#readers,
      budget: this.#budget,
      clock: this.#clock,
      random: this.#random,
      observer: options.observer ?? {},
      closing: this.#closing.signal,
      outdated: (rangeVersion) => this.#catchUp(rangeVersion),
      attempt: (node, pursuit, timeoutMs) => this.#attempt(node, pursuit, timeoutMs),
    };
    this.#members = new KnownMembers(options.nodes, {
      met: (node) => {
        this.#side.learn([node]);
        // Calls go on where it is now.
        this.#links.get(node.name)?.close();
        this.#links.delete(node.name);
      },
      placed: (shard, nodes) => this.#leaders.place(shard, nodes),
    });
  }

  get rangeMap(): RangeMap {
    return this.#rangeMap;
  }

  refreshRangeMap(timeoutMs: number): Promise<RangeMap | undefined> {
    this.#refreshing ??= this.#readRangeMap(timeoutMs).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async execute(
    shard: ShardNumber,
    command: Command,
    options: CallOptions,
  ): Promise<CommandResult> {
    const { codec } = this.#options;
    const operation = { kind: "command", command: codec.encodeCommand(command) } as const;
    const { reply, sequence, epoch } = await this.#pursue(shard, operation, options);
    return { reply: codec.decodeReply(reply), position: { shard, epoch, sequence } };
  }

  async read(shard: ShardNumber, query: Query, options: ReadOptions): Promise<QueryResult> {
    const { codec } = this.#options;
    const operation = {
      kind: "read",
      query: codec.encodeQuery(query),
      minSequence: options.minSequence ?? 0,
      maxStalenessMs: options.maxStalenessMs ?? 0,
    } as const;
    const { reply, sequence, epoch } = await this.#pursue(shard, operation, options);
    return { reply: codec.decodeQueryReply(reply), position: { shard, epoch, sequence } };
  }

  changes(options: ChangesOptions): AsyncIterable<ChangesEvent> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const context = {
      clock: this.#clock,
      random: this.#random,
      observer: this.#options.observer ?? {},
      nodes: () => this.#leaders.nodesOf(options.shard),
      clientOf: (node: string) => this.#side.clientOf(node),
    };
    return follow(context, { ...options, signal });
  }

  async probe(timeoutMs: number): Promise<readonly ShardStatus[]> {
    const answers = await Promise.all(
      this.#members.nodes.map((name) => this.#side.status(name, timeoutMs).catch(() => undefined)),
    );
    this.learn(answers.filter((answer) => answer !== undefined));
    for (const answer of answers) {
      if (answer !== undefined) void this.#catchUp(toSafeInteger(answer.rangeVersion));
    }
    const heard = new Map<string, StatusResponse>();
    for (const answer of answers) if (answer !== undefined) heard.set(answer.node, answer);
    return this.rangeMap.shards.map(({ number }) => {
      const replicas = this.#leaders.nodesOf(number).map((node): ReplicaRole => {
        const replica = heard.get(node)?.replicas.find(({ shard }) => shard === number);
        if (replica === undefined) return { node, role: "unreachable", term: 0 };
        return { node, role: replica.role, term: toSafeInteger(replica.term) };
      });
      const ready = replicas.some(({ role }) => role === "leader");
      return { shard: number, ready, replicas };
    });
  }

  learn(answers: readonly Answered[]): void {
    this.#members.learn(answers);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const link of this.#links.values()) link.close();
    this.#side.close();
  }

  async #pursue(shard: ShardNumber, operation: Pursuit["operation"], options: CallOptions) {
    if (this.#closing.signal.aborted) throw new ClusterError("stopping", "the client is closed");
    const startMs = this.#clock.monotonicMs();
    const ended = (outcome: string) =>
      this.#options.observer?.ended?.(shard, outcome, (this.#clock.monotonicMs() - startMs) / 1000);
    try {
      const done = await this.#admissionOf(shard).run(() => {
        const waitedMs = this.#clock.monotonicMs() - startMs;
        const timeoutMs = Math.max(0, options.timeoutMs - waitedMs);
        const { signal, traceparent = "" } = options;
        const rangeVersion = undefined;
        const pursuit = { shard, operation, timeoutMs, signal, traceparent, rangeVersion };
        return pursue(this.#pursuing, pursuit);
      }, options);
      ended("ok");
      return done;
    } catch (error) {
      ended(error instanceof ClusterError ? error.code : "internal");
      throw error;
    }
  }

  async #readRangeMap(timeoutMs: number): Promise<RangeMap | undefined> {
    const { codec } = this.#options;
    const system = findShard(this.#rangeMap, "system", "");
    if (system === undefined) throw new ClusterError("internal", "no shard keeps the range map");
    const operation = {
      kind: "read",
      query: codec.encodeQuery({ caller: { kind: "system" }, question: { kind: "get-range-map" } }),
      minSequence: 0,
      maxStalenessMs: 0,
    } as const;
    const done = await pursue(this.#pursuing, {
      ...{ shard: system.number, operation, timeoutMs, signal: undefined, traceparent: "" },
      rangeVersion: ANY_RANGE_VERSION,
    });
    const reply = codec.decodeQueryReply(done.reply);
    if (reply.kind !== "answered" || reply.answer.kind !== "range-map") return undefined;
    const { map } = reply.answer;
    if (map.version > this.#rangeMap.version) this.#rangeMap = map;
    return map;
  }

  /** Somebody goes by another version: if it is a later one, the map is asked for. Never fails. */
  async #catchUp(version: number): Promise<void> {
    if (version <= this.#rangeMap.version) return;
    await this.refreshRangeMap(REFRESH_MS).catch(() => undefined);
  }

  #admissionOf(shard: ShardNumber): Admission {
    let admission = this.#admissions.get(shard);
    if (admission === undefined) {
      admission = new Admission(this.#clock, this.#options.admission);
      this.#admissions.set(shard, admission);
    }
    return admission;
  }

  async #attempt(node: string, pursuit: Pursuit, timeoutMs: number): Promise<Attempt> {
    const { shard, operation, signal, traceparent } = pursuit;
    const rangeVersion = pursuit.rangeVersion ?? this.#rangeMap.version;
    const call = { shard, rangeVersion, timeoutMs, traceparent, operation };
    const ask = () => this.#link(node).call(call, signal);
    if (operation.kind === "command") return await ask();
    const attempt = await this.#readers.during(shard, node, ask);
    if (attempt.kind === "done") this.#askLeaders(node);
    return attempt;
  }

  /** Learns who leads from a node that has just answered, now and then. */
  #askLeaders(node: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - (this.#askedMs.get(node) ?? -Infinity) < ASK_LEADERS_MS) return;
    this.#askedMs.set(node, nowMs);
    this.#side.status(node, ASK_LEADERS_MS).then(
      ({ replicas }) => {
        for (const { shard, leaderNode } of replicas) this.#leaders.learn(shard, leaderNode);
      },
      () => undefined,
    );
  }

  #link(node: string): ExecuteLink {
    let link = this.#links.get(node);
    if (link === undefined) {
      link = new ExecuteLink({
        node: this.#address(node),
        dial: this.#dial,
        clock: this.#clock,
        random: this.#random,
        observer: this.#options.observer ?? {},
        heard: () => this.#leaders.clear(node),
      });
      this.#links.set(node, link);
    }
    return link;
  }

  #address(name: string): NodeAddress {
    const address = this.#side.findAddress(name);
    if (address === undefined) throw new ClusterError("unreachable", `there is no node ${name}`);
    return { name, address };
  }
}
