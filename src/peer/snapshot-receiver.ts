import { crc32 } from "node:zlib";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  InstallSnapshotResponseSchema,
  type InstallSnapshotRequest,
  type InstallSnapshotResponse,
  type SnapshotChunk,
  type SnapshotHeader,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import { assert, ClusterError } from "../base/index.js";
import type { IncomingSnapshot, PeerHello, PeerListener, SnapshotSink } from "../runtime/index.js";
import {
  decodeConfState,
  decodeHello,
  decodeRoute,
  decodeSnapshotRows,
  isMalformed,
  toSafeInteger,
  toUint64,
} from "../wire/index.js";
import { RpcRefusal } from "./status.js";

export type SnapshotCall = ServerDuplexStream<InstallSnapshotRequest, InstallSnapshotResponse>;

export interface SnapshotReceiverOptions {
  readonly listener: PeerListener;
  readonly greet: (hello: PeerHello) => void;
  readonly received: (shard: number, bytes: number) => void;
  /** A transfer of which nothing comes for so long has failed. */
  readonly stallMs: number;
}

type State =
  | { readonly kind: "new" }
  | { readonly kind: "receiving"; readonly incoming: IncomingSnapshot; readonly sink: SnapshotSink }
  | { readonly kind: "done" };

/**
 * Takes one snapshot off a stream, a message at a time: reading pauses while rows are written, so the sender is held back by
 * flow control. Whatever goes wrong ends it.
 */
export class SnapshotReceiver {
  readonly #call: SnapshotCall;
  readonly #listener: PeerListener;
  readonly #greet: (hello: PeerHello) => void;
  readonly #received: (shard: number, bytes: number) => void;
  #state: State = { kind: "new" };
  #work: Promise<void> = Promise.resolve();
  #lost = false;
  /** The sender's fault or the network's: all rows that came are those of the snapshot. */
  #brokeOff = false;
  #stalled: NodeJS.Timeout | undefined;
  readonly #stallMs: number;

  constructor(call: SnapshotCall, options: SnapshotReceiverOptions) {
    const { listener, greet, received, stallMs } = options;
    this.#call = call;
    this.#listener = listener;
    this.#greet = greet;
    this.#received = received;
    this.#stallMs = stallMs;
    call.on("data", (request: InstallSnapshotRequest) => {
      clearTimeout(this.#stalled);
      call.pause();
      this.#then(async () => {
        await this.#receive(request);
        this.#awaitMore();
        call.resume();
      });
    });
    this.#awaitMore();
    // The last chunk may still be waiting to be written.
    call.on("end", () => this.#endAfterWork("it ended before its last chunk"));
    call.on("cancelled", () => this.abort("the sender gave up"));
  }

  /** Ends the transfer, after what is being written. No effect once all rows were taken. */
  abort(reason: string): void {
    this.#lost = true;
    this.#endAfterWork(reason);
  }

  /** A sender that hangs must not hold a place, and rows, for ever. */
  #awaitMore(): void {
    if (this.#state.kind === "done" || this.#lost) return;
    this.#stalled = setTimeout(() => {
      this.abort(`nothing came for ${this.#stallMs} ms`);
    }, this.#stallMs);
  }

  #endAfterWork(reason: string): void {
    this.#then(async () => {
      if (this.#state.kind === "done") return;
      this.#brokeOff = true;
      throw new ClusterError("canceled", reason);
    });
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => this.#fail(error));
  }

  async #receive(request: InstallSnapshotRequest): Promise<void> {
    if (this.#state.kind === "done") return;
    if (isMalformed(request)) throw new ClusterError("invalid-argument", "not a chunk");
    const { part } = request;
    if (this.#state.kind === "new") {
      if (part.case !== "header") throw new ClusterError("invalid-argument", "no header first");
      await this.#begin(part.value);
    } else {
      if (part.case !== "chunk") throw new ClusterError("invalid-argument", "no chunk");
      await this.#take(this.#state.incoming, this.#state.sink, part.value);
    }
  }

  async #begin(header: SnapshotHeader): Promise<void> {
    this.#greet(decodeHello(header.hello));
    const incoming: IncomingSnapshot = {
      ...decodeRoute(header.route),
      snapshotId: header.snapshotId,
      index: toSafeInteger(header.index),
      indexTerm: toSafeInteger(header.term),
      confState: decodeConfState(header.confState),
    };
    const sink = await this.#listener.beginSnapshot(incoming);
    if (sink === undefined) throw new ClusterError("failed-precondition", "not wanted now");
    assert(this.#state.kind === "new", "a snapshot begins once");
    this.#state = { kind: "receiving", incoming, sink };
    const lastKey = sink.lastKey ?? new Uint8Array();
    this.#answer({ nextOffset: toUint64(sink.rows), snapshotId: incoming.snapshotId, lastKey });
  }

  async #take(incoming: IncomingSnapshot, sink: SnapshotSink, chunk: SnapshotChunk): Promise<void> {
    const offset = toSafeInteger(chunk.offset);
    if (offset !== sink.rows) {
      throw new ClusterError(
        "invalid-argument",
        `chunk at row ${offset}, expected ${sink.rows}: start over`,
      );
    }
    if (crc32(chunk.rows) !== chunk.checksum) {
      throw new ClusterError("invalid-argument", "a chunk fails its checksum: start over");
    }
    this.#received(incoming.shard, chunk.rows.length);
    const rows = decodeSnapshotRows(chunk.rows);
    if (rows.length > 0) await sink.write(rows);
    if (!chunk.last || this.#lost) return;
    this.#state = { kind: "done" };
    const installed = await this.#listener.finishSnapshot(incoming, sink);
    this.#answer({ installed });
    this.#call.end();
  }

  #answer(answer: MessageInitShape<typeof InstallSnapshotResponseSchema>): void {
    this.#call.write(create(InstallSnapshotResponseSchema, answer));
  }

  async #fail(error: unknown): Promise<void> {
    const state = this.#state;
    this.#state = { kind: "done" };
    this.#call.emit("error", new RpcRefusal(error));
    this.#call.resume();
    clearTimeout(this.#stalled);
    if (state.kind === "receiving") {
      await this.#listener.abandonSnapshot(state.incoming, state.sink, this.#brokeOff);
    }
  }
}
