import {
  connectivityState,
  type Client,
  type ClientDuplexStream,
  type ServiceError,
} from "@grpc/grpc-js";
import type { ExecuteRequest, ExecuteResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { Patience, type CancelSignal } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import {
  decodeReplies,
  frameCalls,
  type ShardCall,
  type ShardFailure,
  type ShardOperation,
} from "../wire/index.js";
import type { ShardClock } from "./clock.js";
import type { Dial, NodeAddress } from "./dial.js";
import type { ShardObserver } from "./observer.js";
import { SHARD } from "./shard-service.js";

const OPEN_CALLS_MAX = 4096;
const CONNECT_TIMEOUT_MS = 3000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 1000;
/** The node answers its own deadline; only one that says nothing at all runs into ours. */
const GRACE_MS = 50;

type Stream = ClientDuplexStream<ExecuteRequest, ExecuteResponse>;

export type Attempt =
  | {
      readonly kind: "done";
      readonly reply: Uint8Array;
      readonly sequence: number;
      readonly epoch: number;
    }
  | { readonly kind: "failed"; readonly failure: ShardFailure }
  /** The stream is gone, or there was none; `sent` if the node may have read the call. */
  | { readonly kind: "lost"; readonly sent: boolean }
  /** No answer in time. */
  | { readonly kind: "silent"; readonly sent: boolean }
  | { readonly kind: "canceled" };

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "connected"; readonly client: Client; readonly stream: Stream }
  | { readonly kind: "waiting"; readonly cancel: () => void }
  | { readonly kind: "closed" };

interface Waiting {
  readonly settle: (attempt: Attempt) => void;
}

export interface ExecuteLinkOptions {
  readonly node: NodeAddress;
  readonly dial: Dial;
  readonly clock: ShardClock;
  readonly random: () => number;
  readonly observer: Partial<ShardObserver>;
  /** Anything came from the node. */
  readonly heard: () => void;
}

/**
 * The Execute stream to one node: many calls in flight, those of one turn in one frame. It is dialled by the first call and
 * again by the first one after it was lost; while a node refuses connections, calls fail at once.
 */
export class ExecuteLink {
  readonly #options: ExecuteLinkOptions;
  #state: State = { kind: "idle" };
  #failures = 0;
  #established = false;
  #connectTimer: (() => void) | undefined;
  readonly #patience = new Patience(CONNECT_TIMEOUT_MS);
  #lastId = 0;
  readonly #waiting = new Map<number, Waiting>();
  #outbox: ShardCall[] = [];
  #flushing = false;

  constructor(options: ExecuteLinkOptions) {
    this.#options = options;
  }

  call(
    call: {
      readonly shard: ShardNumber;
      readonly rangeVersion: number;
      readonly timeoutMs: number;
      readonly traceparent: string;
      readonly operation: ShardOperation;
    },
    signal: CancelSignal | undefined,
  ): Promise<Attempt> {
    if (this.#state.kind === "idle") this.#dial();
    if (this.#state.kind !== "connected") return Promise.resolve({ kind: "lost", sent: false });
    if (this.#waiting.size >= OPEN_CALLS_MAX) {
      return Promise.resolve({ kind: "failed", failure: TOO_MANY_CALLS });
    }
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const settle = (attempt: Attempt) => {
        this.#waiting.delete(id);
        stopTimer();
        signal?.removeEventListener("abort", abort);
        resolve(attempt);
      };
      const stopTimer = this.#options.clock.after(call.timeoutMs + GRACE_MS, () => {
        this.#cancel(id, call.shard);
        settle({ kind: "silent", sent: this.#mayHaveSent() });
      });
      const abort = () => {
        this.#cancel(id, call.shard);
        settle({ kind: "canceled" });
      };
      signal?.addEventListener("abort", abort);
      this.#waiting.set(id, { settle });
      this.#post({ id, ...call });
    });
  }

  close(): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    this.#connectTimer?.();
    if (state.kind === "waiting") state.cancel();
    if (state.kind === "connected") this.#hangUp(state);
  }

  #cancel(id: number, shard: ShardNumber): void {
    if (this.#state.kind !== "connected") return;
    const operation = { kind: "cancel" } as const;
    this.#post({ id, shard, rangeVersion: 0, timeoutMs: 0, traceparent: "", operation });
  }

  #post(call: ShardCall): void {
    this.#outbox.push(call);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      const calls = this.#outbox;
      this.#outbox = [];
      if (this.#state.kind !== "connected") return;
      for (const frame of frameCalls(calls)) {
        this.#options.observer.framed?.(this.#options.node.name, frame.calls.length);
        this.#state.stream.write(frame);
      }
    });
  }

  #dial(): void {
    const { node, dial, clock, heard } = this.#options;
    const client = dial(node);
    const { path, requestSerialize, responseDeserialize } = SHARD.execute;
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#state = { kind: "connected", client, stream };
    this.#established = false;
    this.#connectTimer = clock.after(this.#patience.ms, () => {
      this.#patience.wasInVain();
      this.#lose(stream, "");
    });
    // The node sends its headers at once.
    stream.on("metadata", () => {
      this.#connectTimer?.();
      this.#established = true;
      this.#patience.reset();
      this.#failures = 0;
    });
    stream.on("data", (response: ExecuteResponse) => {
      heard();
      this.#receive(response);
    });
    stream.on("error", (error: ServiceError) => this.#lose(stream, error.details));
    stream.on("end", () => this.#lose(stream, "ended"));
  }

  #receive(response: ExecuteResponse): void {
    for (const { id, outcome } of decodeReplies(response)) {
      this.#waiting.get(id)?.settle(outcome);
    }
  }

  #lose(stream: Stream, reason: string): void {
    const state = this.#state;
    if (state.kind !== "connected" || state.stream !== stream) return;
    const sent = this.#mayHaveSent() && !reason.includes("No connection established");
    this.#connectTimer?.();
    if (this.#established) {
      this.#state = { kind: "idle" };
    } else {
      this.#failures++;
      const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
      const delayMs = ceiling * (0.5 + this.#options.random() / 2);
      const cancel = this.#options.clock.after(delayMs, () => {
        this.#state = { kind: "idle" };
      });
      this.#state = { kind: "waiting", cancel };
    }
    this.#hangUp(state, sent);
  }

  #hangUp(state: Extract<State, { readonly kind: "connected" }>, sent = true): void {
    this.#outbox = [];
    state.stream.cancel();
    state.client.close();
    for (const { settle } of [...this.#waiting.values()]) settle({ kind: "lost", sent });
  }

  #mayHaveSent(): boolean {
    if (this.#established || this.#state.kind !== "connected") return true;
    const { client } = this.#state;
    return client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }
}

const TOO_MANY_CALLS: ShardFailure = {
  code: "overloaded",
  message: "too many calls are open to the node: try again later",
  leaderNode: "",
  notApplied: true,
  rangeVersion: 0,
  retryAfterMs: 50,
};
