import type { DescMethod, Message } from "@bufbuild/protobuf";
import { ClusterError, type CancelSignal } from "../base/index.js";
import type {
  Answer,
  Caller,
  Command,
  CommandReply,
  Operation,
  QueryReply,
  Resource,
  StateQuestion,
  TryCommands,
} from "../domain/index.js";
import { findShard, findShardOfName } from "../placement/index.js";
import type { Collection, ShardDescription } from "../placement/index.js";
import type { ReadOptions, ShardClient, ShardPosition } from "../shards/index.js";
import type { GatewayClock } from "./clock.js";
import { fieldFault, refused } from "./faults.js";
import { fingerprint } from "./fingerprint.js";
import type { Ids } from "./ids.js";
import type { Trial } from "./trial.js";

export const SYSTEM: Caller = { kind: "system" };

/** What of a request a command is known by when it comes again. */
export interface Repeatable {
  readonly method: DescMethod;
  readonly request: Message & { readonly requestId?: string };
}

export interface Written {
  readonly name: string;
  /** Undefined where the answer had no room for it: read it by name. */
  readonly resource: Resource | undefined;
  readonly position: ShardPosition;
}

export interface Read<Kind extends Answer["kind"]> {
  readonly answer: Extract<Answer, { kind: Kind }>;
  readonly position: ShardPosition;
}

export interface Explained {
  readonly shard: ShardDescription;
  /** Node; empty if none is known. */
  readonly leader: string;
  readonly rangeVersion: number;
}

/** A node that says nothing in this time does not lead. */
const PROBE_MS_MAX = 1000;

/** Which answer belongs to which question. */
const ANSWERS = {
  "get-user": "user",
  "find-users": "users",
  "list-sessions": "sessions",
  "get-credentials": "credentials",
  "get-subscriptions": "subscriptions",
  "get-channel-right": "channel-right",
  "get-session": "session",
  "get-cluster-keys": "cluster-keys",
  "get-range-map": "range-map",
  "list-outbox": "outbox",
  "list-audit": "audit",
  "get-login-throttle": "login-throttle",
  "list-audit-checkpoints": "audit-checkpoints",
  "get-group": "group",
  "get-member": "member",
  "list-members": "members",
  "list-groups": "groups",
  "get-invitation": "invitation",
  "list-invitations": "invitations",
  "get-calendar": "calendar",
  "list-calendars": "calendars",
  "get-event": "event",
  "get-events": "events",
  "list-events": "events",
  "list-instances": "events",
  "list-due-work": "due-work",
  "list-notifications": "notifications",
  "free-busy": "free-busy",
} as const satisfies Record<StateQuestion["kind"], Answer["kind"]>;

type AnswerOf<Asked extends StateQuestion> = (typeof ANSWERS)[Asked["kind"]];

export interface ShardCallsOptions {
  readonly shards: ShardClient;
  readonly ids: Ids;
  readonly clock: GatewayClock;
  readonly deadlineMs: number;
  readonly signal: CancelSignal;
  readonly traceparent?: string | undefined;
  /** Address of the client, of what somebody called for. */
  readonly origin?: string;
  /** How old what the caller asks for may be. What the door asks for itself, to decide by, is always of now. */
  readonly maxStalenessMs?: number;
  /** Set where nothing is to be written: `validate_only`. */
  readonly trial?: Trial | undefined;
}

const REQUEST_ID = /^[\x21-\x7e]{1,64}$/;

/**
 * The shards within one call's deadline. A refusal by a shard is thrown as it stands.
 *
 * In a trial what the caller would write is told from the state as it is, and what is read after that is of the state as it would
 * be. What the door itself has to write or know is not part of it: guesses at a password count.
 */
export class ShardCalls {
  readonly #options: ShardCallsOptions;

  constructor(options: ShardCallsOptions) {
    this.#options = options;
  }

  /** The same with less time, where one shard must not take the time of all. */
  within(timeoutMs: number): ShardCalls {
    const { clock, deadlineMs } = this.#options;
    const sooner = Math.min(deadlineMs, clock.monotonicMs() + timeoutMs);
    return new ShardCalls({ ...this.#options, deadlineMs: sooner });
  }

  /** Nothing that the caller asks for is written. */
  get isTrial(): boolean {
    return this.#options.trial !== undefined;
  }

  /** All shards of a collection. */
  all(collection: Collection): readonly ShardDescription[] {
    const { shards } = this.#options.shards.rangeMap;
    return shards.filter((shard) => shard.collection === collection);
  }

  /** The shard that owns a key. */
  of(collection: Collection, key: string): ShardDescription {
    const shard = findShard(this.#options.shards.rangeMap, collection, key);
    if (shard === undefined) throw refused("internal", `no shard owns ${collection}/${key}`);
    return shard;
  }

  /** The shard of a name that a caller gave. */
  named(name: string): ShardDescription {
    const { shards } = this.#options.shards.rangeMap;
    const found = shards.find((shard) => shard.name === name);
    if (found !== undefined) return found;
    const names = shards.map((shard) => shard.name).join(", ");
    throw refused("not-found", `there is no shard of this name: one of ${names}`);
  }

  /** Where a name is kept, and who leads there as far as its nodes say; asked of all of them. */
  async explain(name: string): Promise<Explained> {
    const { rangeMap } = this.#options.shards;
    const shard = findShardOfName(rangeMap, name);
    if (shard === undefined) {
      throw fieldFault("name", "names begin with users/, groups/, calendars/ or cluster/");
    }
    const { timeoutMs } = this.#within();
    const statuses = await this.#options.shards.probe(Math.min(timeoutMs, PROBE_MS_MAX));
    const replicas = statuses.find((status) => status.shard === shard.number)?.replicas ?? [];
    const [leader] = replicas
      .filter(({ role }) => role === "leader")
      .sort((a, b) => b.term - a.term);
    return { shard, leader: leader?.node ?? "", rangeVersion: rangeMap.version };
  }

  async execute(
    shard: ShardDescription,
    caller: Caller,
    operation: Operation,
    repeatable?: Repeatable,
  ): Promise<Written> {
    const { shards, trial } = this.#options;
    if (trial !== undefined && caller.kind !== "system") {
      return await this.#try(trial, shard, caller, operation);
    }
    const command = this.#command(caller, operation, repeatable);
    const { reply, position } = await shards.execute(shard.number, command, this.#within());
    const { name, resource, sequence } = requireDone(reply);
    return { name, resource, position: { ...position, sequence } };
  }

  /** `after`: places that the answer must not be older than. Where it may be stale, it is if the caller allows it. */
  async read<Asked extends StateQuestion>(
    shard: ShardDescription,
    caller: Caller,
    question: Asked,
    after: readonly ShardPosition[] = [],
    { mayBeStale = true }: { readonly mayBeStale?: boolean } = {},
  ): Promise<Read<AnswerOf<Asked>>> {
    const least = after.find((place) => place.shard === shard.number);
    const isAllowed = mayBeStale && caller.kind === "user";
    const maxStalenessMs = isAllowed ? (this.#options.maxStalenessMs ?? 0) : 0;
    const options = this.#within(maxStalenessMs, least?.sequence ?? 0);
    const tried = caller.kind === "system" ? undefined : this.#options.trial?.of(shard.number);
    const { reply, position } =
      tried === undefined
        ? await this.#options.shards.read(shard.number, { caller, question }, options)
        : await this.#suppose(shard, caller, { commands: tried, then: question }, options);
    if (least !== undefined && least.epoch !== position.epoch) throw epochChanged();
    if (reply.kind === "refused") throw refused(reply.code, reply.message);
    const { answer } = reply;
    if (!isAnswerTo(answer, question)) {
      throw refused("internal", `a shard answered ${answer.kind} to ${question.kind}`);
    }
    return { answer, position };
  }

  changes(
    shard: ShardDescription,
    channel: string,
    after: readonly ShardPosition[],
    signal: AbortSignal,
    until?: number,
  ): ReturnType<ShardClient["changes"]> {
    return this.#options.shards.changes({
      ...(until === undefined ? {} : { until }),
      shard: shard.number,
      after: after.find((place) => place.shard === shard.number),
      channels: [channel],
      signal,
    });
  }

  /** With an id of its own: the caller's is for the write that may follow. */
  async #try(
    trial: Trial,
    shard: ShardDescription,
    caller: Caller,
    operation: Operation,
  ): Promise<Written> {
    const commands = trial.add(shard.number, this.#command(caller, operation, undefined));
    const { reply, position } = await this.#suppose(shard, caller, { commands }, this.#within());
    if (reply.kind === "refused") throw refused(reply.code, reply.message);
    if (reply.answer.kind !== "tried") {
      throw refused("internal", `a shard answered ${reply.answer.kind} to what was tried`);
    }
    const { name, resource } = requireDone(reply.answer.reply);
    return { name, resource, position };
  }

  async #suppose(
    shard: ShardDescription,
    caller: Caller,
    tried: Pick<TryCommands, "commands" | "then">,
    options: ReadOptions,
  ): Promise<{ readonly reply: QueryReply; readonly position: ShardPosition }> {
    const nowMs = this.#options.clock.wallMs();
    const question = { kind: "try-commands", nowMs, ...tried } as const;
    return await this.#options.shards.read(shard.number, { caller, question }, options);
  }

  #command(caller: Caller, operation: Operation, repeatable: Repeatable | undefined): Command {
    const given = repeatable?.request.requestId ?? "";
    if (given !== "" && !REQUEST_ID.test(given)) {
      throw fieldFault("request_id", "at most 64 visible ASCII characters");
    }
    return {
      caller,
      // Repeated by the client of the shards too: without an id it would not be known again.
      requestId: given === "" ? this.#options.ids.uuid() : given,
      fingerprint:
        repeatable === undefined ? "" : fingerprint(repeatable.method, repeatable.request),
      origin: this.#options.origin ?? "",
      operation,
    };
  }

  #within(maxStalenessMs = 0, minSequence = 0): ReadOptions {
    const { clock, deadlineMs, signal, traceparent } = this.#options;
    const timeoutMs = Math.floor(deadlineMs - clock.monotonicMs());
    if (timeoutMs <= 0) {
      throw refused("deadline-exceeded", "the deadline passed before anything was done");
    }
    return { timeoutMs, signal, traceparent, maxStalenessMs, minSequence };
  }
}

export function epochChanged(): ClusterError {
  return new ClusterError(
    "epoch-changed",
    "the cluster was restored since this position: list again, and go on from there",
  );
}

function requireDone(reply: CommandReply): Extract<CommandReply, { kind: "done" }> {
  if (reply.kind === "refused") throw refused(reply.code, reply.message);
  return reply;
}

function isAnswerTo<Asked extends StateQuestion>(
  answer: Answer,
  question: Asked,
): answer is Extract<Answer, { kind: AnswerOf<Asked> }> {
  return answer.kind === ANSWERS[question.kind];
}
