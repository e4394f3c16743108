import { ClusterError } from "../../src/base/index.js";
import type { CommandReply, QueryReply } from "../../src/domain/index.js";
import type { ReplicaHandle } from "../../src/runtime/index.js";
import {
  decodeQueryReply,
  decodeReply,
  encodeCommand,
  encodeQuery,
} from "../../src/wire/store/index.js";
import type { SeededRandom } from "../raft/seeded-random.js";
import type { ClusterContext } from "./cluster-context.js";
import type { Call, History, Operation, Outcome } from "./history.js";
import type { SimulatedNode } from "./node.js";
import { PromiseBroken } from "./promise-broken.js";
import { calendarOf, commandOf, eventName, ownerOf } from "./workload.js";

const ATTEMPT_MS_MAX = 600;
/** A client gives up after this time, and never learns what became of it. */
const PATIENCE_MS = 4000;
const BACK_OFF_MS = 40;
/** Share of attempts whose answer is lost on its way back. */
const ANSWERS_LOST = 0.03;

export interface ClientOptions {
  readonly name: string;
  readonly context: ClusterContext;
  readonly nodes: () => readonly SimulatedNode[];
  readonly history: History;
  readonly random: SeededRandom;
  /** Whether there is another operation to do. */
  readonly takesAnother: () => boolean;
}

type Attempt<T> =
  | { readonly kind: "answer"; readonly value: T; readonly sequence: number }
  | { readonly kind: "error"; readonly error: ClusterError }
  | { readonly kind: "silence" };

/**
 * Does one operation after the other as a client library would: goes where the leader is said to be, and repeats with the same
 * request id until it has an answer or loses patience.
 */
export class Client {
  readonly #options: ClientOptions;
  readonly #seen = new Map<string, number>();
  #requests = 0;
  #leader = "";
  /** What it heard last: reads that name it see at least that. */
  #sequence = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { context, random, takesAnother } = this.#options;
    const { clients, chaosMs, operations } = context.plan;
    const thinkMsMax = (2 * clients * chaosMs) / operations;
    while (takesAnother()) {
      await context.time.sleep(random.next() * thinkMsMax);
      await this.#operate();
    }
  }

  /** One write that must succeed within the client's patience. */
  async write(shard: number, event: string): Promise<boolean> {
    const operation = this.#begin(shard, event, {
      kind: "create",
      title: `${this.#options.name} ends`,
    });
    await this.#write(operation);
    return operation.answer !== undefined;
  }

  /** One linearizable read at a node. */
  async readAt(node: SimulatedNode, shard: number, event: string): Promise<boolean> {
    const operation = this.#begin(shard, event, { kind: "get" });
    return this.#tryRead(operation, node);
  }

  async #operate(): Promise<void> {
    const { context, random } = this.#options;
    const shard = random.pick(context.plan.shards) ?? 1;
    const event = eventName(shard, random.between(1, context.plan.events));
    const call = this.#draw(event);
    if (call.kind === "get") await this.#read(shard, event);
    else await this.#write(this.#begin(shard, event, call));
  }

  #draw(event: string): Call {
    const { random, name } = this.#options;
    const title = `${name} ${this.#requests + 1}`;
    const etag = random.chance(0.5) ? (this.#seen.get(event) ?? 0) : 0;
    const dice = random.next();
    if (dice < 0.35) return { kind: "get" };
    if (dice < 0.5) return { kind: "create", title };
    if (dice < 0.97) return { kind: "update", title, etag };
    return { kind: "delete", etag };
  }

  #begin(shard: number, event: string, call: Call): Operation {
    const { context, history, name } = this.#options;
    const requestId = call.kind === "get" ? "" : `${name}-${++this.#requests}`;
    const calledAt = context.time.steps;
    return history.add({
      client: name,
      shard,
      event,
      call,
      requestId,
      calledAt,
      answer: undefined,
    });
  }

  // ---- writes

  async #write(operation: Operation): Promise<void> {
    const { context } = this.#options;
    const { shard, event, call, requestId } = operation;
    const bytes = encodeCommand(commandOf(shard, event, call, requestId));
    const endMs = context.time.nowMs + PATIENCE_MS;
    while (context.time.nowMs < endMs) {
      const node = this.#choose();
      const attempt = await this.#attempt(node, shard, (replica) =>
        replica.execute(bytes, { timeoutMs: PATIENCE_MS }),
      );
      if (attempt.kind === "answer") {
        const reply = decodeReply(attempt.value);
        this.#answer(operation, outcomeOfReply(reply), attempt.sequence);
        return;
      }
      await this.#backOff(attempt);
    }
  }

  #answer(operation: Operation, outcome: Outcome, sequence: number): void {
    const { context, name } = this.#options;
    operation.answer = { at: context.time.steps, outcome, sequence };
    if (outcome.kind === "done" || outcome.kind === "read") {
      this.#seen.set(operation.event, outcome.revision);
    }
    this.#sequence = Math.max(this.#sequence, sequence);
    context.note(`${name} ${operation.call.kind} ${operation.event}: ${outcome.kind} ${sequence}`);
  }

  // ---- reads

  /** A read that failed had no effect: it is asked for again as another one. */
  async #read(shard: number, event: string): Promise<void> {
    const { context } = this.#options;
    const endMs = context.time.nowMs + PATIENCE_MS;
    while (context.time.nowMs < endMs) {
      if (await this.#tryRead(this.#begin(shard, event, { kind: "get" }), this.#anyNode())) return;
      await context.time.sleep(BACK_OFF_MS * this.#options.random.next());
    }
  }

  async #tryRead(operation: Operation, node: SimulatedNode | undefined): Promise<boolean> {
    const { shard, event } = operation;
    const question = { kind: "get-event", calendar: calendarOf(shard), event } as const;
    const query = encodeQuery({ caller: ownerOf(shard), question });
    const isOneShard = this.#options.context.plan.shards.length === 1;
    const minSequence = isOneShard && this.#options.random.chance(0.3) ? this.#sequence : 0;
    const attempt = await this.#attempt(node, shard, (replica) =>
      replica.read(query, { timeoutMs: ATTEMPT_MS_MAX, minSequence, maxStalenessMs: 0 }),
    );
    if (attempt.kind !== "answer") return false;
    if (attempt.sequence < minSequence) {
      throw new PromiseBroken(`a read at ${attempt.sequence} was to see ${minSequence}`);
    }
    this.#answer(operation, outcomeOfQuery(decodeQueryReply(attempt.value)), attempt.sequence);
    return true;
  }

  // ---- attempts

  #anyNode(): SimulatedNode | undefined {
    return this.#options.random.pick(this.#options.nodes().filter(({ isUp }) => isUp));
  }

  #choose(): SimulatedNode | undefined {
    const hinted = this.#options.nodes().find(({ name, isUp }) => name === this.#leader && isUp);
    return hinted ?? this.#anyNode();
  }

  async #backOff(attempt: Attempt<unknown>): Promise<void> {
    const { context, random } = this.#options;
    this.#leader = attempt.kind === "error" ? (attempt.error.details.leaderNode ?? "") : "";
    // What is still on its way may take effect too: the request id makes that harmless.
    if (this.#leader === "") await context.time.sleep(BACK_OFF_MS * (0.5 + random.next()));
  }

  /** Goes to a node and back; whoever does not answer in time is not waited for. */
  async #attempt(
    node: SimulatedNode | undefined,
    shard: number,
    call: (
      replica: ReplicaHandle,
    ) => Promise<{ readonly reply: Uint8Array; readonly sequence: number }>,
  ): Promise<Attempt<Uint8Array>> {
    const { context, random } = this.#options;
    const { time } = context;
    const patienceMs = ATTEMPT_MS_MAX * (0.3 + 0.7 * random.next());
    const isAnswerLost = random.chance(ANSWERS_LOST);
    const wayMs = random.next() * 2;
    return new Promise((resolve) => {
      time.after(patienceMs, () => resolve({ kind: "silence" }));
      const answer = (attempt: Attempt<Uint8Array>): void => {
        if (!isAnswerLost) time.after(wayMs, () => resolve(attempt));
      };
      time.after(wayMs, () => {
        const { life } = node ?? {};
        life?.enter(() => {
          const replica = node?.find(shard);
          if (replica === undefined) return;
          call(replica).then(
            ({ reply, sequence }) => {
              if (life.isAlive) answer({ kind: "answer", value: reply, sequence });
            },
            (error: unknown) => {
              if (!life.isAlive) return;
              if (error instanceof ClusterError) answer({ kind: "error", error });
              else context.breaks(new Error("a call failed without a reason", { cause: error }));
            },
          );
        });
      });
    });
  }
}

/** What a reply of the state machine means for the event; anything else than these is not expected of it. */
export function outcomeOfReply(reply: CommandReply): Outcome {
  if (reply.kind === "done") return { kind: "done", revision: reply.revision };
  switch (reply.code) {
    case "already-exists":
      return { kind: "exists" };
    case "not-found":
      return { kind: "absent" };
    case "stale-etag":
      return { kind: "stale" };
    default:
      throw new PromiseBroken(`a write was refused with ${reply.code}: ${reply.message}`);
  }
}

function outcomeOfQuery(reply: QueryReply): Outcome {
  if (reply.kind === "refused") {
    if (reply.code === "not-found") return { kind: "absent" };
    throw new PromiseBroken(`a read was refused with ${reply.code}: ${reply.message}`);
  }
  const { answer } = reply;
  if (answer.kind !== "event") throw new PromiseBroken(`a read of an event got ${answer.kind}`);
  const { title, revision, deleteTimeMs } = answer.event;
  return { kind: "read", title, revision, deleted: deleteTimeMs !== 0 };
}
