import { create } from "@bufbuild/protobuf";
import type { sendUnaryData, Server, ServerUnaryCall } from "@grpc/grpc-js";
import {
  ReadIndexResponseSchema,
  RequestVoteResponseSchema,
  TimeoutNowResponseSchema,
  type Hello,
  type ReadIndexRequest,
  type ReadIndexResponse,
  type RequestVoteRequest,
  type RequestVoteResponse,
  type TimeoutNowRequest,
  type TimeoutNowResponse,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import { assert, ClusterError } from "../base/index.js";
import type { PeerHello, PeerListener } from "../runtime/index.js";
import {
  decodeHello,
  decodeReadIndexRequest,
  decodeTimeoutNow,
  decodeVoteRequest,
  encodeRoute,
  isMalformed,
  requireIdentity,
  toUint64,
  type AuthenticatedCall,
  type Backward,
  type MessageOf,
} from "../wire/index.js";
import { IncomingStream, type IncomingCall } from "./incoming-stream.js";
import type { PeerObserver } from "./observer.js";
import { PendingAnswers } from "./pending-answers.js";
import { RAFT } from "./raft-service.js";
import { SnapshotReceiver, type SnapshotCall } from "./snapshot-receiver.js";
import { RpcRefusal } from "./status.js";

type VoteResponse = MessageOf<"vote-response" | "pre-vote-response">;
type ReadResponse = MessageOf<"read-index-response">;

export interface ServedCallsOptions {
  readonly clusterName: string;
  readonly observer: Partial<PeerObserver>;
  readonly answerTimeoutMs: number;
  readonly snapshotStallMs: number;
  /** A peer has opened its stream to this node, so it is there. */
  readonly opened: (node: string) => void;
}

/** What other nodes call here: refused until there is a listener, from whoever is not who it says, and once it is closed. */
export class ServedCalls {
  readonly #options: ServedCallsOptions;
  readonly #observer: Partial<PeerObserver>;
  readonly #incoming = new Map<string, IncomingStream>();
  readonly #receivers = new Set<SnapshotReceiver>();
  readonly #votes: PendingAnswers<VoteResponse>;
  readonly #reads: PendingAnswers<ReadResponse>;
  #listener: PeerListener | undefined;
  #isClosed = false;

  constructor(options: ServedCallsOptions) {
    this.#options = options;
    this.#observer = options.observer;
    this.#votes = new PendingAnswers(options.answerTimeoutMs);
    this.#reads = new PendingAnswers(options.answerTimeoutMs);
  }

  addTo(server: Server): void {
    server.addService(RAFT, {
      requestVote: this.#requestVote,
      appendEntries: this.#appendEntries,
      installSnapshot: this.#installSnapshot,
      timeoutNow: this.#timeoutNow,
      readIndex: this.#readIndex,
    });
  }

  start(listener: PeerListener): void {
    this.#listener = listener;
  }

  close(): void {
    this.#isClosed = true;
    for (const stream of [...this.#incoming.values()]) stream.close();
    for (const receiver of this.#receivers) receiver.abort("the node stops");
    this.#votes.close();
    this.#reads.close();
  }

  /** Back on the stream that the peer has opened. */
  send(node: string, messages: readonly Backward[]): void {
    const stream = this.#incoming.get(node);
    if (stream === undefined) this.#observer.dropped?.(node, messages.length);
    else stream.send(messages);
  }

  /** Answers the call that asked for it, if it still waits. */
  answerVote(node: string, shard: number, message: VoteResponse): void {
    const asked = message.kind === "vote-response" ? "vote" : "pre-vote";
    const key = answerKey(node, shard, message.to, message.from, asked);
    if (!this.#votes.resolve(key, message.term, message)) this.#observer.dropped?.(node, 1);
  }

  /** Answers the call that asked for it, if it still waits. */
  answerRead(node: string, shard: number, message: ReadResponse): void {
    const key = answerKey(node, shard, message.to, message.context, "read-index");
    if (!this.#reads.resolve(key, 0, message)) this.#observer.dropped?.(node, 1);
  }

  readonly #appendEntries = (call: IncomingCall): void => {
    const refuse = (error: unknown) => call.emit("error", new RpcRefusal(error));
    let node: string;
    try {
      ({ node } = this.#enter(call));
    } catch (error) {
      refuse(error);
      return;
    }
    new IncomingStream(call, {
      greet: (hello) => {
        const listener = this.#greet(node, hello);
        return listener.hello(node);
      },
      opened: (stream) => {
        this.#incoming.get(node)?.close();
        this.#incoming.set(node, stream);
        this.#options.opened(node);
      },
      receive: (messages) => this.#listener?.receive(node, messages),
      dropped: (messages) => this.#observer.dropped?.(node, messages),
      received: (bytes) => this.#observer.received?.(node, bytes),
      answered: (bytes) => this.#observer.answered?.(node, bytes),
      failed: () => this.#observer.receiveFailed?.(node),
      closed: (stream) => {
        if (this.#incoming.get(node) === stream) this.#incoming.delete(node);
      },
    });
  };

  readonly #requestVote = (
    call: ServerUnaryCall<RequestVoteRequest, RequestVoteResponse>,
    callback: sendUnaryData<RequestVoteResponse>,
  ): void => {
    this.#answer(call, callback, (node, listener) => {
      const received = decodeVoteRequest(call.request);
      const { shard, message } = received;
      const key = answerKey(node, shard, message.from, message.to, message.kind);
      const answer = answerWith<VoteResponse, RequestVoteResponse>(callback, (vote) => {
        const route = encodeRoute(shard, vote);
        return create(RequestVoteResponseSchema, { route, reject: vote.reject });
      });
      call.on("cancelled", this.#votes.add(key, message.term, answer));
      listener.receive(node, [received]);
    });
  };

  readonly #readIndex = (
    call: ServerUnaryCall<ReadIndexRequest, ReadIndexResponse>,
    callback: sendUnaryData<ReadIndexResponse>,
  ): void => {
    this.#answer(call, callback, (node, listener) => {
      const received = decodeReadIndexRequest(call.request);
      const { shard, message } = received;
      const { context } = call.request;
      const key = answerKey(node, shard, message.from, Number(context), "read-index");
      const answer = answerWith<ReadResponse, ReadIndexResponse>(callback, (read) => {
        const route = encodeRoute(shard, read);
        return create(ReadIndexResponseSchema, { route, context, index: toUint64(read.index) });
      });
      call.on("cancelled", this.#reads.add(key, 0, answer));
      listener.receive(node, [received]);
    });
  };

  readonly #timeoutNow = (
    call: ServerUnaryCall<TimeoutNowRequest, TimeoutNowResponse>,
    callback: sendUnaryData<TimeoutNowResponse>,
  ): void => {
    this.#answer(call, callback, (node, listener) => {
      listener.receive(node, [decodeTimeoutNow(call.request)]);
      callback(null, create(TimeoutNowResponseSchema));
    });
  };

  readonly #installSnapshot = (call: SnapshotCall): void => {
    try {
      const { node, listener } = this.#enter(call);
      const receiver = new SnapshotReceiver(call, {
        listener,
        greet: (hello) => this.#greet(node, hello),
        received: (shard, bytes) => this.#observer.snapshotBytes?.(shard, "receive", bytes),
        stallMs: this.#options.snapshotStallMs,
      });
      this.#receivers.add(receiver);
      call.on("close", () => this.#receivers.delete(receiver));
    } catch (error) {
      call.emit("error", new RpcRefusal(error));
    }
  };

  /** A unary call of a peer: who it is, what it says first, then what it wants. */
  #answer<Request extends { readonly hello?: Hello | undefined }, Response>(
    call: ServerUnaryCall<Request, Response>,
    callback: sendUnaryData<Response>,
    handle: (node: string, listener: PeerListener) => void,
  ): void {
    try {
      const { node } = this.#enter(call);
      if (isMalformed(call.request)) throw new ClusterError("invalid-argument", "not a request");
      handle(node, this.#greet(node, decodeHello(call.request.hello)));
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      callback(new RpcRefusal(error));
    }
  }

  #enter(call: AuthenticatedCall): { readonly node: string; readonly listener: PeerListener } {
    const { name: node } = requireIdentity(call, this.#options.clusterName, ["node"]);
    const listener = this.#listener;
    if (listener === undefined || this.#isClosed) {
      throw new ClusterError("stopping", "this node is starting or stopping");
    }
    return { node, listener };
  }

  /** Only as itself: the name in the first words must be that of the certificate. */
  #greet(node: string, hello: PeerHello): PeerListener {
    if (hello.node !== node) {
      throw new ClusterError(
        "permission-denied",
        `the certificate is of ${node}, not ${hello.node}`,
      );
    }
    const listener = this.#listener;
    assert(listener !== undefined, "calls are refused before start");
    const reason = listener.admit(hello);
    if (reason !== undefined) throw new ClusterError("failed-precondition", reason);
    return listener;
  }
}

/** Answers a call with what the replica said, or refuses it where that is nothing. */
function answerWith<Answer, Response>(
  callback: sendUnaryData<Response>,
  encode: (answer: Answer) => Response,
): (answer: Answer | undefined) => void {
  return (answer) => {
    if (answer !== undefined) callback(null, encode(answer));
    else callback(new RpcRefusal(new ClusterError("deadline-exceeded", "no answer in time")));
  };
}

function answerKey(
  node: string,
  shard: number,
  asker: number,
  other: number,
  kind: string,
): string {
  return `${node}/${shard}/${asker}/${other}/${kind}`;
}
