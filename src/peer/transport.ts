import { randomInt } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { Server } from "@grpc/grpc-js";
import {
  ReadIndexRequestSchema,
  RequestVoteRequestSchema,
  TimeoutNowRequestSchema,
  type Hello,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import { assert, ClusterError, ERRORS } from "../base/index.js";
import type {
  OutgoingSnapshot,
  PeerListener,
  PeerMessage,
  PeerTransport,
  Random,
} from "../runtime/index.js";
import {
  decodeReadIndexResponse,
  decodeVoteResponse,
  encodeHello,
  encodeRoute,
  toUint64,
  type Backward,
  type Forward,
  type MessageOf,
} from "../wire/index.js";
import type { TlsMaterial } from "../wire/index.js";
import { createDial } from "./dial.js";
import type { PeerObserver } from "./observer.js";
import { OutgoingLink } from "./outgoing-link.js";
import { RAFT } from "./raft-service.js";
import { ServedCalls } from "./served-calls.js";
import { sendSnapshot } from "./snapshot-sender.js";

const UNARY_TIMEOUT_MS = 1000;
const HELLO_MS = 3000;
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
  /** How long a peer may take to say its first word, before it is dialled again with more patience; 3000 if unsaid. */
  readonly helloMs?: number;
}

export interface Peer {
  readonly name: string;
  /** host:port. */
  readonly address: string;
  /** It shares no shard with this node, as far as that is known: it is dialled when there is something to say. */
  readonly isStranger?: boolean;
}

export interface PeerNetwork {
  readonly transport: PeerTransport;
  /** RaftService, for the node's server. Refuses callers until `start`. */
  readonly service: { addTo(server: Server): void };
  /** Dials every peer that is no stranger. Once. */
  start(listener: PeerListener): void;
  /** Keeps a connection to this node from now on, at this address. */
  meet(peer: Peer): void;
}

export function createPeerTransport(options: PeerTransportOptions): PeerNetwork {
  const network = new GrpcPeerNetwork(options);
  return {
    transport: network,
    service: network.served,
    start: (listener) => network.start(listener),
    meet: (peer) => network.meet(peer),
  };
}

class GrpcPeerNetwork implements PeerTransport {
  readonly served: ServedCalls;
  readonly #options: PeerTransportOptions;
  readonly #observer: Partial<PeerObserver>;
  readonly #peers = new Map<string, Peer>();
  readonly #links = new Map<string, OutgoingLink>();
  readonly #closing = new AbortController();
  readonly #dial: ReturnType<typeof createDial>;
  readonly #snapshotStallMs: number;
  #listener: PeerListener | undefined;

  constructor(options: PeerTransportOptions) {
    this.#options = options;
    this.#snapshotStallMs = options.snapshotStallMs ?? SNAPSHOT_STALL_MS;
    this.#observer = options.observer ?? {};
    this.#dial = createDial(options.clusterName, options.tls);
    this.served = new ServedCalls({
      clusterName: options.clusterName,
      observer: this.#observer,
      answerTimeoutMs: UNARY_TIMEOUT_MS,
      snapshotStallMs: this.#snapshotStallMs,
      opened: (node) => this.#links.get(node)?.connect(),
    });
    for (const peer of options.peers) {
      assert(peer.name !== options.node, "a node is not its own peer");
      this.#peers.set(peer.name, peer);
    }
  }

  start(listener: PeerListener): void {
    assert(this.#listener === undefined, "a transport starts once");
    this.#listener = listener;
    this.served.start(listener);
    for (const peer of this.#peers.values()) this.#connect(peer, listener);
  }

  meet(peer: Peer): void {
    if (peer.name === this.#options.node || this.#closing.signal.aborted) return;
    if (this.#peers.get(peer.name)?.address === peer.address) {
      this.#links.get(peer.name)?.want();
      return;
    }
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
      helloMs: this.#options.helloMs ?? HELLO_MS,
    });
    this.#links.set(peer.name, link);
    if (peer.isStranger !== true) link.want();
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
    if (backward.length > 0) this.served.send(node, backward);
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
    this.served.close();
  }

  /** What travels in a call of its own: rare, and none of it depends on what is on the stream. */
  #sendAlone(node: string, { shard, message }: PeerMessage): void {
    switch (message.kind) {
      case "vote":
      case "pre-vote":
        void this.#askVote(node, shard, message);
        return;
      case "vote-response":
      case "pre-vote-response":
        this.served.answerVote(node, shard, message);
        return;
      case "read-index":
        void this.#askReadIndex(node, shard, message);
        return;
      case "read-index-response":
        this.served.answerRead(node, shard, message);
        return;
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

  #hello(node: string): Hello {
    assert(this.#listener !== undefined, "nothing is sent before start");
    return encodeHello(this.#listener.hello(node));
  }
}

/** A receiver says so of a snapshot that would bring it nothing. */
function isDeclined(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && error.code === ERRORS["failed-precondition"].status
  );
}
