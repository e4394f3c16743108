import { randomInt } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { sendUnaryData, Server, ServerUnaryCall } from "@grpc/grpc-js";
import {
  ReadIndexRequestSchema,
  ReadIndexResponseSchema,
  RequestVoteRequestSchema,
  RequestVoteResponseSchema,
  TimeoutNowRequestSchema,
  TimeoutNowResponseSchema,
  type Hello,
  type ReadIndexRequest,
  type ReadIndexResponse,
  type RequestVoteRequest,
  type RequestVoteResponse,
  type TimeoutNowRequest,
  type TimeoutNowResponse,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import { assert, ClusterError, ERRORS } from "../base/index.js";
import type {
  OutgoingSnapshot,
  PeerHello,
  PeerListener,
  PeerMessage,
  PeerTransport,
  Random,
} from "../runtime/index.js";
import {
  decodeHello,
  decodeReadIndexRequest,
  decodeReadIndexResponse,
  decodeTimeoutNow,
  decodeVoteRequest,
  decodeVoteResponse,
  encodeHello,
  encodeRoute,
  isMalformed,
  requireIdentity,
  toUint64,
  type AuthenticatedCall,
  type Backward,
  type Forward,
  type MessageOf,
} from "../wire/index.js";
import type { TlsMaterial } from "../wire/index.js";
import { createDial } from "./dial.js";
import { IncomingStream, type IncomingCall } from "./incoming-stream.js";
import type { PeerObserver } from "./observer.js";
import { OutgoingLink } from "./outgoing-link.js";
import { PendingAnswers } from "./pending-answers.js";
import { RAFT } from "./raft-service.js";
import { SnapshotReceiver, type SnapshotCall } from "./snapshot-receiver.js";
import { sendSnapshot } from "./snapshot-sender.js";
import { RpcRefusal } from "./status.js";

const UNARY_TIMEOUT_MS = 1000;
const SNAPSHOT_STALL_MS = 30_000;
const systemRandom: Random = () => randomInt(2 ** 32) / 2 ** 32;

export interface PeerTransportOptions {
  /** This node's name, as in its certificate. */
  readonly node: string;
  /** The cluster's name, as in every certificate. */
  readonly clusterName: string;
  /** The other nodes that are known at start. */
  readonly peers: readonly Peer[];
  readonly tls: TlsMaterial;
  readonly observer?: Partial<PeerObserver>;
  /** Uniform in [0, 1), to spread redials. */
  readonly random?: Random;
  /** A snapshot of which nothing moves for so long has failed, on either side; 30,000 if unsaid. */
  readonly snapshotStallMs?: number;
}

export interface Peer {
  readonly name: string;
  /** host:port. */
  readonly address: string;
}

export interface PeerNetwork {
  readonly transport: PeerTransport;
  /** RaftService, for the node's server. Refuses callers until `start`. */
  readonly service: { addTo(server: Server): void };
  /** Dials every peer. Once. */
  start(listener: PeerListener): void;
  /** Keeps a connection to this node from now on, at this address. */
  meet(peer: Peer): void;
}

export function createPeerTransport(options: PeerTransportOptions): PeerNetwork {
  const network = new GrpcPeerNetwork(options);
  return {
    transport: network,
    service: {
      addTo: (server) =>
        server.addService(RAFT, {
          requestVote: network.requestVote,
          appendEntries: network.appendEntries,
          installSnapshot: network.installSnapshot,
          timeoutNow: network.timeoutNow,
          readIndex: network.readIndex,
        }),
    },
    start: (listener) => network.start(listener),
    meet: (peer) => network.meet(peer),
  };
}

type VoteResponse = MessageOf<"vote-response" | "pre-vote-response">;

class GrpcPeerNetwork implements PeerTransport {
  readonly #options: PeerTransportOptions;
  readonly #observer: Partial<PeerObserver>;
  readonly #peers = new Map<string, Peer>();
  readonly #links = new Map<string, OutgoingLink>();
  readonly #incoming = new Map<string, IncomingStream>();
  readonly #receivers = new Set<SnapshotReceiver>();
  readonly #votes = new PendingAnswers<VoteResponse>(UNARY_TIMEOUT_MS);
  readonly #reads = new PendingAnswers<MessageOf<"read-index-response">>(UNARY_TIMEOUT_MS);
  readonly #closing = new AbortController();
  readonly #dial: ReturnType<typeof createDial>;
  readonly #snapshotStallMs: number;
  #listener: PeerListener | undefined;

  constructor(options: PeerTransportOptions) {
    this.#options = options;
    this.#snapshotStallMs = options.snapshotStallMs ?? SNAPSHOT_STALL_MS;
    this.#observer = options.observer ?? {};
    this.#dial = createDial(options.clusterName, options.tls);
    for (const peer of options.peers) {
      assert(peer.name !== options.node, "a node is not its own peer");
      this.#peers.set(peer.name, peer);
    }
  }

  start(listener: PeerListener): void {
    assert(this.#listener === undefined, "a transport starts once");
    this.#listener = listener;
    for (const peer of this.#peers.values()) this.#connect(peer, listener);
  }

  meet(peer: Peer): void {
    if (peer.name === this.#options.node || this.#closing.signal.aborted) return;
    if (this.#peers.get(peer.name)?.address === peer.address) return;
    this.#peers.set(peer.name, peer);
    if (this.#listener !== undefined) this.#connect(peer, this.#listener);
  }

  #connect(peer: Peer, listener: PeerListener): void {
    this.#links.get(peer.name)?.close();
    const link = new OutgoingLink({
      peer,
      listener,
      dial: this.#dial,
      observer: this.#observer,
      random: this.#options.random ?? systemRandom,
    });
    this.#links.set(peer.name, link);
    link.connect();
  }

  send(node: string, messages: readonly PeerMessage[]): void {
    const forward: Forward[] = [];
    const backward: Backward[] = [];
    for (const { shard, message } of messages) {
      switch (message.kind) {
        case "append":
        case "heartbeat":
          forward.push({ shard, message });
          break;
        case "append-response":
        case "heartbeat-response":
          backward.push({ shard, message });
          break;
        default:
          this.#sendAlone(node, { shard, message });
      }
    }
    if (forward.length > 0) this.#links.get(node)?.send(forward);
    if (backward.length > 0) this.#sendBack(node, backward);
  }

  async sendSnapshot(node: string, snapshot: OutgoingSnapshot): Promise<boolean> {
    const peer = this.#peers.get(node);
    if (peer === undefined || this.#closing.signal.aborted) return false;
    const client = this.#dial(peer);
    try {
      const { signal } = this.#closing;
      const limits = { signal, stallMs: this.#snapshotStallMs };
      const pace = (bytes: number): Promise<void> => {
        this.#observer.snapshotBytes?.(snapshot.shard, "send", bytes);
        return snapshot.pace(bytes);
      };
      return await sendSnapshot(client, this.#hello(node), { ...snapshot, pace }, limits);
    } catch (error) {
      if (isDeclined(error)) this.#observer.snapshotDeclined?.(node, snapshot.shard);
      else {
        const reason = error instanceof Error ? error.message : String(error);
        this.#observer.snapshotFailed?.(node, snapshot.shard, reason);
      }
      return false;
    } finally {
      client.close();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const link of this.#links.values()) link.close();
    for (const stream of [...this.#incoming.values()]) stream.close();
    for (const receiver of this.#receivers) receiver.abort("the node stops");
    this.#votes.close();
    this.#reads.close();
  }

  #sendBack(node: string, messages: readonly Backward[]): void {
    const stream = this.#incoming.get(node);
    if (stream === undefined) this.#observer.dropped?.(node, messages.length);
    else stream.send(messages);
  }

  /** What travels in a call of its own: rare, and none of it depends on what is on the stream. */
  #sendAlone(node: string, { shard, message }: PeerMessage): void {
    switch (message.kind) {
      case "vote":
      case "pre-vote":
        void this.#askVote(node, shard, message);
        return;
      case "vote-response":
      case "pre-vote-response": {
        const ofRequest = message.kind === "vote-response" ? "vote" : "pre-vote";
        const key = answerKey(node, shard, message.to, message.from, ofRequest);
        if (!this.#votes.resolve(key, message.term, message)) this.#observer.dropped?.(node, 1);
        return;
      }
      case "read-index":
        void this.#askReadIndex(node, shard, message);
        return;
      case "read-index-response": {
        const key = answerKey(node, shard, message.to, message.context, "read-index");
        if (!this.#reads.resolve(key, 0, message)) this.#observer.dropped?.(node, 1);
        return;
      }
      case "timeout-now": {
        const hello = this.#hello(node);
        const request = { hello, route: encodeRoute(shard, message) };
        void this.#links
          .get(node)
          ?.call(RAFT.timeoutNow, create(TimeoutNowRequestSchema, request), UNARY_TIMEOUT_MS);
        return;
      }
      default:
        // Proposals and transfers go through the leader's own door, snapshots through sendSnapshot.
        this.#observer.dropped?.(node, 1);
    }
  }

  async #askVote(
    node: string,
    shard: number,
    message: MessageOf<"vote" | "pre-vote">,
  ): Promise<void> {
    const preVote = message.kind === "pre-vote";
    const request = create(RequestVoteRequestSchema, {
      hello: this.#hello(node),
      route: encodeRoute(shard, message),
      lastIndex: toUint64(message.lastIndex),
      lastTerm: toUint64(message.lastTerm),
      preVote,
      transfer: message.transfer,
    });
    const answer = await this.#links.get(node)?.call(RAFT.requestVote, request, UNARY_TIMEOUT_MS);
    if (answer !== undefined) this.#deliver(node, () => decodeVoteResponse(answer, preVote));
  }

  async #askReadIndex(
    node: string,
    shard: number,
    message: MessageOf<"read-index">,
  ): Promise<void> {
    const request = create(ReadIndexRequestSchema, {
      hello: this.#hello(node),
      route: encodeRoute(shard, message),
      context: toUint64(message.context),
    });
    const answer = await this.#links.get(node)?.call(RAFT.readIndex, request, UNARY_TIMEOUT_MS);
    if (answer !== undefined) this.#deliver(node, () => decodeReadIndexResponse(answer));
  }

  #deliver(node: string, decode: () => PeerMessage): void {
    if (this.#closing.signal.aborted) return;
    try {
      this.#listener?.receive(node, [decode()]);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.#observer.receiveFailed?.(node);
    }
  }

  readonly appendEntries = (call: IncomingCall): void => {
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
        this.#links.get(node)?.connect();
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

  readonly requestVote = (
    call: ServerUnaryCall<RequestVoteRequest, RequestVoteResponse>,
    callback: sendUnaryData<RequestVoteResponse>,
  ): void => {
    this.#answer(call, callback, (node, listener) => {
      const received = decodeVoteRequest(call.request);
      const { shard, message } = received;
      const key = answerKey(node, shard, message.from, message.to, message.kind);
      const forget = this.#votes.add(key, message.term, (vote) => {
        if (vote === undefined) {
          callback(new RpcRefusal(new ClusterError("deadline-exceeded", "no vote in time")));
        } else {
          const route = encodeRoute(shard, vote);
          callback(null, create(RequestVoteResponseSchema, { route, reject: vote.reject }));
        }
      });
      call.on("cancelled", forget);
      listener.receive(node, [received]);
    });
  };

  readonly readIndex = (
    call: ServerUnaryCall<ReadIndexRequest, ReadIndexResponse>,
    callback: sendUnaryData<ReadIndexResponse>,
  ): void => {
    this.#answer(call, callback, (node, listener) => {
      const received = decodeReadIndexRequest(call.request);
      const { shard, message } = received;
      const { context } = call.request;
      const key = answerKey(node, shard, message.from, Number(context), "read-index");
      const forget = this.#reads.add(key, 0, (read) => {
        if (read === undefined) {
          callback(new RpcRefusal(new ClusterError("deadline-exceeded", "no index in time")));
        } else {
          const route = encodeRoute(shard, read);
          const index = toUint64(read.index);
          callback(null, create(ReadIndexResponseSchema, { route, context, index }));
        }
      });
      call.on("cancelled", forget);
      listener.receive(node, [received]);
    });
  };

  readonly timeoutNow = (
    call: ServerUnaryCall<TimeoutNowRequest, TimeoutNowResponse>,
    callback: sendUnaryData<TimeoutNowResponse>,
  ): void => {
    this.#answer(call, callback, (node, listener) => {
      listener.receive(node, [decodeTimeoutNow(call.request)]);
      callback(null, create(TimeoutNowResponseSchema));
    });
  };

  readonly installSnapshot = (call: SnapshotCall): void => {
    try {
      const { node, listener } = this.#enter(call);
      const receiver = new SnapshotReceiver(call, {
        listener,
        greet: (hello) => this.#greet(node, hello),
        received: (shard, bytes) => this.#observer.snapshotBytes?.(shard, "receive", bytes),
        stallMs: this.#snapshotStallMs,
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
    if (listener === undefined || this.#closing.signal.aborted) {
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

  #hello(node: string): Hello {
    assert(this.#listener !== undefined, "nothing is sent before start");
    return encodeHello(this.#listener.hello(node));
  }
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

/** A receiver says so of a snapshot that would bring it nothing. */
function isDeclined(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && error.code === ERRORS["failed-precondition"].status
  );
}
