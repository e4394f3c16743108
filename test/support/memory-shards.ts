import { ClusterError } from "../../src/base/index.js";
import type { Command, Query } from "../../src/domain/index.js";
import { DEFAULT_RANGE_MAP } from "../../src/placement/index.js";
import type { ShardNumber } from "../../src/placement/index.js";
import type {
  CallOptions,
  ChangesEvent,
  ChangesOptions,
  CommandResult,
  FeedItem,
  QueryResult,
  ReadOptions,
  ShardClient,
} from "../../src/shards/index.js";
import {
  decodeCommand,
  decodeQuery,
  decodeQueryReply,
  decodeReply,
  encodeChange,
  encodeCommand,
  encodeQuery,
  encodeQueryReply,
  encodeReply,
} from "../../src/wire/index.js";
import { AgendaShard, MACHINE } from "./agenda-shard.js";

const EPOCH = 1;

class Shard {
  readonly agenda = new AgendaShard();
  readonly feed: FeedItem[] = [];
  readonly waiting = new Set<() => void>();
}

/** All shards of a cluster in memory, with the real state machine and the real encodings, without a network. */
export class MemoryShards implements ShardClient {
  readonly rangeMap = DEFAULT_RANGE_MAP;
  /** Nodes that are said to lead, by shard. */
  readonly leaders = new Map<ShardNumber, string>();
  readonly #shards = new Map<ShardNumber, Shard>(
    DEFAULT_RANGE_MAP.shards.map(({ number }) => [number, new Shard()]),
  );
  /** Log time of all shards, in milliseconds since 1970. */
  wallMs: () => number = () => Date.now();
  /** Commands that were applied, in order. */
  readonly commands: Command[] = [];
  readonly reads: {
    readonly shard: ShardNumber;
    readonly query: Query;
    readonly maxStalenessMs: number;
  }[] = [];
  /** Shards that do not answer. */
  readonly away = new Set<ShardNumber>();

  /** Where true, what shards have for others waits for `carry`. */
  holdsOutboxes = false;
  readonly #posted = new Set<ShardNumber>();

  /** Delivers all that waits in the outboxes, and what comes of it. */
  carry(): void {
    for (const source of this.#posted) {
      this.#posted.delete(source);
      for (const { number: target } of this.rangeMap.shards) this.#carryTo(source, target);
    }
  }

  #carryTo(source: ShardNumber, target: ShardNumber): void {
    const system = { kind: "system" } as const;
    const question = { kind: "list-outbox", target, after: 0, pageSize: 256 } as const;
    for (;;) {
      const from = this.#shard(source).agenda;
      const { outbox } = from.ask(system, question, "outbox");
      const last = outbox.entries.at(-1);
      if (last === undefined) return;
      for (const { number, delivery } of outbox.entries) {
        const operation = { kind: "deliver", source, epoch: EPOCH, number, delivery } as const;
        this.#apply(target, { caller: system, requestId: "", fingerprint: "", operation });
      }
      const settle = { kind: "settle-outbox", target, upTo: last.number } as const;
      this.#apply(source, { caller: system, requestId: "", fingerprint: "", operation: settle });
    }
  }

  async execute(
    shard: ShardNumber,
    command: Command,
    options: CallOptions,
  ): Promise<CommandResult> {
    this.#requireAnswer(shard, options);
    const { reply, sequence } = this.#apply(shard, command);
    this.commands.push(command);
    if (!this.holdsOutboxes) this.carry();
    return { reply, position: { shard, epoch: EPOCH, sequence } };
  }

  #apply(shard: ShardNumber, command: Command) {
    const { agenda, feed, waiting } = this.#shard(shard);
    agenda.nowMs = this.wallMs();
    const applied = agenda.apply(decodeCommand(encodeCommand(command)));
    for (const change of applied.changes) {
      const sequence = feed.length + 1;
      feed.push({
        sequence,
        index: sequence,
        timeMs: agenda.nowMs,
        channels: [change.channel, ...change.audience.map((user) => `users/${user}`)],
        change: encodeChange(change),
      });
    }
    for (const wake of [...waiting]) wake();
    if (applied.posted !== undefined) this.#posted.add(shard);
    return { reply: decodeReply(encodeReply(applied.reply)), sequence: feed.length };
  }

  async read(shard: ShardNumber, query: Query, options: ReadOptions): Promise<QueryResult> {
    this.#requireAnswer(shard, options);
    const { agenda, feed } = this.#shard(shard);
    if ((options.minSequence ?? 0) > feed.length) {
      throw new ClusterError("deadline-exceeded", "the shard has not come that far");
    }
    this.reads.push({ shard, query, maxStalenessMs: options.maxStalenessMs ?? 0 });
    const answer = MACHINE.query(
      decodeQuery(encodeQuery(query)),
      agenda.memory.state,
      agenda.memory.featureLevel,
    );
    const reply = decodeQueryReply(encodeQueryReply(answer));
    return { reply, position: { shard, epoch: EPOCH, sequence: feed.length } };
  }

  async *changes({
    shard,
    after,
    channels,
    signal,
    until = Infinity,
  }: ChangesOptions): AsyncGenerator<ChangesEvent> {
    const { feed, waiting } = this.#shard(shard);
    if (after !== undefined && after.epoch !== EPOCH) {
      throw new ClusterError("epoch-changed", "the shard was restored");
    }
    let at = after?.sequence ?? feed.length;
    yield { items: [], upTo: at, firstSequence: 1, epoch: EPOCH };
    while (!isAborted(signal) && at < until) {
      const items = feed
        .slice(at)
        .filter(
          (item) => channels === undefined || item.channels.some((c) => channels.includes(c)),
        );
      if (feed.length > at) {
        at = feed.length;
        yield { items, upTo: at, firstSequence: 1, epoch: EPOCH };
        continue;
      }
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          waiting.delete(wake);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener("abort", wake);
      });
    }
  }

  async refreshRangeMap() {
    return this.rangeMap;
  }

  async probe() {
    return this.rangeMap.shards.map(({ number }) => ({
      shard: number,
      ready: !this.away.has(number),
      replicas: [{ node: this.leaders.get(number) ?? "", role: "leader", term: 1 }],
    }));
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  #shard(number: ShardNumber): Shard {
    const shard = this.#shards.get(number);
    if (shard === undefined) throw new Error(`no shard ${number}`);
    return shard;
  }

  #requireAnswer(shard: ShardNumber, { timeoutMs }: CallOptions): void {
    if (timeoutMs <= 0) throw new Error("a call without time");
    if (!this.away.has(shard)) return;
    throw new ClusterError("no-leader", "no leader", { outcome: "not_applied" });
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
