import { Metadata, type Client, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { create } from "@bufbuild/protobuf";
import {
  AppendEntriesRequestSchema,
  type AppendEntriesRequest,
  type AppendEntriesResponse,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import { ClusterError, Patience } from "../base/index.js";
import type { PeerListener } from "../runtime/index.js";
import {
  decodeAppendResponse,
  decodeHello,
  encodeHello,
  frameRequests,
  responseFrameBytes,
  type Forward,
  type RpcMethod,
} from "../wire/index.js";
import type { Dial } from "./dial.js";
import type { PeerObserver } from "./observer.js";
import { RAFT } from "./raft-service.js";

const BACKLOG_BYTES_MAX = 8 * 1024 * 1024;
const WAITING_MESSAGES_MAX = 1024;
/** How often a peer is told again who speaks to it, and how that is. */
const ANNOUNCE_MS = 1000;
const MS_PER_SECOND = 1000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 1000;
/** A connection that held this long was a good one: its loss is answered with an immediate redial. */
const SETTLED_MS = 1000;

type Stream = ClientDuplexStream<AppendEntriesRequest, AppendEntriesResponse>;

type State =
  /** Nobody has wanted it yet. */
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; readonly timer: NodeJS.Timeout }
  | {
      readonly kind: "greeting";
      readonly client: Client;
      readonly stream: Stream;
      readonly timer: NodeJS.Timeout;
    }
  | {
      readonly kind: "open";
      readonly client: Client;
      readonly stream: Stream;
      readonly sinceMs: number;
      readonly announcer: NodeJS.Timeout;
    }
  | { readonly kind: "closed" };

export interface OutgoingLinkOptions {
  readonly peer: { readonly name: string; readonly address: string };
  readonly dial: Dial;
  readonly listener: PeerListener;
  readonly observer: Partial<PeerObserver>;
  readonly random: () => number;
  /** For its first word, to begin with. */
  readonly helloMs: number;
}

/**
 * The connection on which this node's leaders speak to one peer: an AppendEntries stream that is always being held or
 * redialled, once it was wanted, and unary calls beside it. Whatever was handed over in one turn leaves as one frame.
 * Without a connection, and when too much waits on it, messages are dropped: Raft repeats what matters.
 */
export class OutgoingLink {
  readonly #options: OutgoingLinkOptions;
  readonly #node: string;
  readonly #patience: Patience;
  #state: State = { kind: "idle" };
  #failures = 0;
  #refused = false;
  #outbox: Forward[] = [];
  #flushing = false;
  #backlogBytes = 0;
  /** When the word left that is not answered yet. */
  #announcedMs: number | undefined;

  constructor(options: OutgoingLinkOptions) {
    this.#options = options;
    this.#node = options.peer.name;
    this.#patience = new Patience(options.helloMs);
  }

  /** Dials now, unless it is connected or about to be. The peer was heard of, so its refusals are forgotten. */
  connect(): void {
    if (this.#state.kind !== "waiting" && this.#state.kind !== "idle") return;
    if (this.#state.kind === "waiting") clearTimeout(this.#state.timer);
    this.#dial();
  }

  /** Dials, if nobody has wanted it yet. */
  want(): void {
    if (this.#state.kind === "idle") this.#dial();
  }

  send(messages: readonly Forward[]): void {
    this.want();
    if (this.#state.kind === "waiting" || this.#state.kind === "closed") {
      this.#drop(messages);
      return;
    }
    this.#outbox.push(...messages);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  /** Resolves undefined where there is no connection, or no answer in time. */
  call<Request, Response>(
    method: RpcMethod<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response | undefined> {
    this.want();
    const state = this.#state;
    if (state.kind !== "open" && state.kind !== "greeting") {
      this.#options.observer.dropped?.(this.#node, 1);
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => {
      state.client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + timeoutMs },
        (error, response) => resolve(error === null ? response : undefined),
      );
    });
  }

  close(): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    this.#outbox = [];
    if (state.kind === "waiting") clearTimeout(state.timer);
    if (state.kind === "greeting") clearTimeout(state.timer);
    if (state.kind === "open") clearInterval(state.announcer);
    if (state.kind === "greeting" || state.kind === "open") {
      state.stream.cancel();
      state.client.close();
    }
  }

  #dial(): void {
    const { peer, dial } = this.#options;
    const client = dial(peer);
    const { path, requestSerialize, responseDeserialize } = RAFT.appendEntries;
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const timer = setTimeout(() => {
      this.#patience.wasInVain();
      this.#lose(stream, "it did not greet in time");
    }, this.#patience.ms);
    this.#state = { kind: "greeting", client, stream, timer };
    this.#backlogBytes = 0;
    this.#announcedMs = undefined;
    stream.on("data", (response: AppendEntriesResponse) => this.#receive(stream, response));
    stream.on("error", (error: ServiceError) => this.#lose(stream, error.details));
    stream.on("end", () => this.#lose(stream, "it ended the stream"));
    this.#announce(stream);
  }

  /** Its clock, its disk and what it knows of the peer change while the connection lasts. */
  #announce(stream: Stream): void {
    const hello = encodeHello(this.#options.listener.hello(this.#node));
    this.#announcedMs ??= performance.now();
    stream.write(create(AppendEntriesRequestSchema, { hello }));
  }

  /** The first word's answer waited for the connection, and says nothing of the way. */
  #heard(isFirst: boolean): void {
    const announcedMs = this.#announcedMs;
    this.#announcedMs = undefined;
    if (announcedMs === undefined || isFirst) return;
    const seconds = (performance.now() - announcedMs) / MS_PER_SECOND;
    this.#options.observer.roundTrip?.(this.#node, seconds);
  }

  #receive(stream: Stream, response: AppendEntriesResponse): void {
    const state = this.#state;
    if ((state.kind !== "greeting" && state.kind !== "open") || state.stream !== stream) return;
    this.#options.observer.received?.(this.#node, responseFrameBytes(response));
    if (response.hello !== undefined) this.#heard(state.kind === "greeting");
    try {
      if (state.kind === "greeting") {
        this.#greet(response);
        clearTimeout(state.timer);
        const { client } = state;
        const announcer = setInterval(() => this.#announce(stream), ANNOUNCE_MS);
        this.#state = { kind: "open", client, stream, sinceMs: performance.now(), announcer };
        this.#refused = false;
        this.#patience.reset();
        this.#options.observer.connected?.(this.#node);
        this.#flush();
      }
      const messages = decodeAppendResponse(response);
      if (messages.length > 0) this.#options.listener.receive(this.#node, messages);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.#options.observer.receiveFailed?.(this.#node);
      this.#lose(stream, error.message);
    }
  }

  #greet(response: AppendEntriesResponse): void {
    const hello = decodeHello(response.hello);
    if (hello.node !== this.#node) {
      throw new ClusterError("permission-denied", `it says that it is ${hello.node}`);
    }
    const reason = this.#options.listener.admit(hello);
    if (reason !== undefined) throw new ClusterError("failed-precondition", reason);
  }

  #flush(): void {
    const state = this.#state;
    if (state.kind !== "open") {
      this.#drop(this.#outbox.splice(state.kind === "greeting" ? WAITING_MESSAGES_MAX : 0));
      return;
    }
    const messages = this.#outbox;
    this.#outbox = [];
    for (const { message, bytes } of frameRequests(messages)) {
      if (this.#backlogBytes + bytes > BACKLOG_BYTES_MAX) {
        const count = message.appends.length + message.heartbeats.length;
        this.#options.observer.dropped?.(this.#node, count);
        this.#options.observer.heartbeatsDropped?.(this.#node, message.heartbeats.length);
        continue;
      }
      this.#backlogBytes += bytes;
      this.#options.observer.framed?.(this.#node, bytes);
      state.stream.write(message, () => this.#written(state.stream, bytes));
    }
  }

  #drop(messages: readonly Forward[]): void {
    if (messages.length === 0) return;
    const { observer } = this.#options;
    observer.dropped?.(this.#node, messages.length);
    const heartbeats = messages.filter(({ message }) => message.kind === "heartbeat").length;
    observer.heartbeatsDropped?.(this.#node, heartbeats);
  }

  #written(stream: Stream, bytes: number): void {
    if (this.#state.kind === "open" && this.#state.stream === stream) this.#backlogBytes -= bytes;
  }

  #lose(stream: Stream, reason: string): void {
    const state = this.#state;
    if ((state.kind !== "greeting" && state.kind !== "open") || state.stream !== stream) return;
    const { listener, observer } = this.#options;
    const settled = state.kind === "open" && performance.now() - state.sinceMs > SETTLED_MS;
    const refused = reason.includes("ECONNREFUSED");
    if (state.kind === "greeting") clearTimeout(state.timer);
    else clearInterval(state.announcer);
    this.#failures = settled ? 0 : this.#failures + 1;
    this.#state = { kind: "waiting", timer: setTimeout(() => this.#dial(), this.#backoffMs()) };
    this.#flush();
    stream.cancel();
    state.client.close();
    observer.disconnected?.(this.#node, reason);
    if (state.kind === "open" || (refused && !this.#refused)) {
      this.#refused = refused;
      listener.disconnected(this.#node, refused);
    }
  }

  /** 0 after a good connection, then 50 ms doubling to 1 s, each between a half and the whole of it. */
  #backoffMs(): number {
    if (this.#failures === 0) return 0;
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
    return ceiling * (0.5 + this.#options.random() / 2);
  }
}
