import { create } from "@bufbuild/protobuf";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  AppendEntriesResponseSchema,
  type AppendEntriesRequest,
  type AppendEntriesResponse,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import { ClusterError } from "../base/index.js";
import type { PeerHello, PeerMessage } from "../runtime/index.js";
import {
  decodeAppendRequest,
  decodeHello,
  encodeHello,
  frameResponses,
  isMalformed,
  requestFrameBytes,
  type Backward,
} from "../wire/index.js";
import { RpcRefusal } from "./status.js";

const BACKLOG_BYTES_MAX = 8 * 1024 * 1024;

export type IncomingCall = ServerDuplexStream<AppendEntriesRequest, AppendEntriesResponse>;

export interface IncomingStreamHooks {
  /** Checks the first words and gives ours; throws where the peer is refused. */
  greet(hello: PeerHello): PeerHello;
  opened(stream: IncomingStream): void;
  receive(messages: readonly PeerMessage[]): void;
  dropped(messages: number): void;
  /** A frame came, or one left. */
  received(bytes: number): void;
  answered(bytes: number): void;
  /** It was no message of ours, or of nobody whom we hear. */
  failed(): void;
  closed(stream: IncomingStream): void;
}

/** A peer's AppendEntries stream: its leaders' messages come in, our replicas' answers go back. */
export class IncomingStream {
  readonly #call: IncomingCall;
  readonly #hooks: IncomingStreamHooks;
  #state: "greeting" | "open" | "closed" = "greeting";
  #outbox: Backward[] = [];
  #flushing = false;
  #backlogBytes = 0;

  constructor(call: IncomingCall, hooks: IncomingStreamHooks) {
    this.#call = call;
    this.#hooks = hooks;
    call.on("data", (request: AppendEntriesRequest) => this.#receive(request));
    call.on("end", () => this.close());
    call.on("cancelled", () => this.close());
    call.on("error", () => this.#becomeClosed());
  }

  send(messages: readonly Backward[]): void {
    this.#outbox.push(...messages);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  close(): void {
    if (this.#becomeClosed()) this.#call.end();
  }

  #receive(request: AppendEntriesRequest): void {
    if (this.#state === "closed") return;
    try {
      if (isMalformed(request)) throw new ClusterError("invalid-argument", "not a frame");
      this.#hooks.received(requestFrameBytes(request));
      if (this.#state === "greeting") {
        const hello = this.#hooks.greet(decodeHello(request.hello));
        this.#state = "open";
        this.#call.write(create(AppendEntriesResponseSchema, { hello: encodeHello(hello) }));
        this.#hooks.opened(this);
      } else if (request.hello !== undefined) {
        // The answer tells the peer how long the way is.
        const hello = this.#hooks.greet(decodeHello(request.hello));
        this.#call.write(create(AppendEntriesResponseSchema, { hello: encodeHello(hello) }));
      }
      const messages = decodeAppendRequest(request);
      if (messages.length > 0) this.#hooks.receive(messages);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.#hooks.failed();
      this.#becomeClosed();
      this.#call.emit("error", new RpcRefusal(error));
    }
  }

  #flush(): void {
    const messages = this.#outbox;
    this.#outbox = [];
    const { message, bytes } = frameResponses(messages);
    if (this.#state !== "open" || this.#backlogBytes + bytes > BACKLOG_BYTES_MAX) {
      this.#hooks.dropped(messages.length);
      return;
    }
    this.#backlogBytes += bytes;
    this.#hooks.answered(bytes);
    this.#call.write(message, () => {
      this.#backlogBytes -= bytes;
    });
  }

  #becomeClosed(): boolean {
    if (this.#state === "closed") return false;
    this.#state = "closed";
    this.#hooks.closed(this);
    return true;
  }
}
