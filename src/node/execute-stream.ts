import { Metadata, type ServerDuplexStream } from "@grpc/grpc-js";
import type { ExecuteRequest, ExecuteResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError } from "../base/index.js";
import { findShard } from "../placement/index.js";
import type { Executed } from "../runtime/index.js";
import {
  ANY_RANGE_VERSION,
  decodeCalls,
  decodeCommand,
  frameReplies,
  isMalformed,
  toShardFailure,
  type ShardCall,
  type ShardReply,
} from "../wire/index.js";
import type { CallFacts, NodeContext } from "./context.js";
import { requireReplica } from "./require-replica.js";
import { RpcFailure } from "./rpc-failure.js";

const IN_FLIGHT_MAX = 4096;
const TIMEOUT_MAX_MS = 60_000;
const OVERLOADED_RETRY_MS = 50;
const REFRESH_MS = 1000;

export type ExecuteCall = ServerDuplexStream<ExecuteRequest, ExecuteResponse>;

/**
 * One caller's Execute stream. Calls run side by side and what finished in one turn is answered in one frame. While the caller
 * does not take its answers, no further calls are read.
 */
export class ExecuteStream {
  readonly #call: ExecuteCall;
  readonly #context: NodeContext;
  readonly #inFlight = new Set<number>();
  #outbox: ShardReply[] = [];
  #flushing = false;
  #open = true;

  constructor(call: ExecuteCall, context: NodeContext) {
    this.#call = call;
    this.#context = context;
    // The caller learns at once that the stream is there.
    call.sendMetadata(new Metadata());
    call.on("data", (request: ExecuteRequest) => this.#receive(request));
    call.on("end", () => this.close());
    call.on("cancelled", () => this.close());
    call.on("error", () => {
      this.#open = false;
    });
    call.on("drain", () => call.resume());
    context.closing.signal.addEventListener("abort", this.close);
  }

  readonly close = (): void => {
    this.#context.closing.signal.removeEventListener("abort", this.close);
    if (!this.#open) return;
    this.#open = false;
    this.#call.end();
  };

  #receive(request: ExecuteRequest): void {
    if (!this.#open) return;
    try {
      if (isMalformed(request)) throw new ClusterError("invalid-argument", "not a frame of calls");
      for (const call of decodeCalls(request)) this.#start(call);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.#call.emit("error", new RpcFailure(error));
    }
  }

  #start(call: ShardCall): void {
    const { id, operation } = call;
    if (operation.kind === "cancel") {
      this.#inFlight.delete(id);
      return;
    }
    if (this.#inFlight.has(id)) throw new ClusterError("invalid-argument", `call ${id} is open`);
    if (this.#inFlight.size >= IN_FLIGHT_MAX) {
      this.#fail(id, overloaded());
      return;
    }
    this.#inFlight.add(id);
    this.#run(call).then(
      ({ reply, sequence, epoch }) => {
        if (this.#inFlight.delete(id)) {
          this.#reply({ id, outcome: { kind: "done", reply, sequence, epoch } });
        }
      },
      (error: unknown) => {
        if (!(error instanceof ClusterError)) {
          this.#context.options.unexpected?.(error, factsOf(call));
        }
        if (this.#inFlight.delete(id)) this.#fail(id, error);
      },
    );
  }

  async #run(call: ShardCall): Promise<Executed> {
    const { operation, shard } = call;
    const { rangeMap } = this.#context.options;
    if (call.rangeVersion !== rangeMap.version && !this.#asksForMap(call)) {
      // The caller may know a later one: so will this node in a moment.
      if (call.rangeVersion > rangeMap.version) {
        this.#context.options.shards.refreshRangeMap(REFRESH_MS).catch(() => undefined);
      }
      throw new ClusterError("wrong-shard", `the range map is at version ${rangeMap.version}`, {
        rangeVersion: rangeMap.version,
        outcome: "not_applied",
      });
    }
    const replica = requireReplica(this.#context, shard);
    const timeoutMs = Math.min(Math.max(1, call.timeoutMs), TIMEOUT_MAX_MS);
    switch (operation.kind) {
      case "command":
        return replica.execute(operation.command, { timeoutMs });
      case "read": {
        const { query, minSequence, maxStalenessMs } = operation;
        return replica.read(query, { timeoutMs, minSequence, maxStalenessMs });
      }
      case "cancel":
        throw new ClusterError("invalid-argument", "a cancel is not run");
    }
  }

  /** Whoever does not know the map asks for it: the shard that keeps it never moves. */
  #asksForMap({ rangeVersion, shard, operation }: ShardCall): boolean {
    const system = findShard(this.#context.options.rangeMap, "system", "");
    const isOpen = rangeVersion === ANY_RANGE_VERSION && operation.kind === "read";
    return isOpen && shard === system?.number;
  }

  #fail(id: number, error: unknown): void {
    const failure = toShardFailure(error, this.#context.options.rangeMap.version);
    this.#reply({ id, outcome: { kind: "failed", failure } });
  }

  #reply(reply: ShardReply): void {
    this.#outbox.push(reply);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      const replies = this.#outbox;
      this.#outbox = [];
      if (!this.#open) return;
      for (const frame of frameReplies(replies)) {
        if (!this.#call.write(frame)) this.#call.pause();
      }
    });
  }
}

function factsOf({ shard, traceparent, operation }: ShardCall): CallFacts {
  return {
    shard,
    ...(operation.kind === "command" ? { requestId: findRequestId(operation.command) } : {}),
    ...(traceparent === "" ? {} : { traceparent }),
  };
}

/** Read for a line of the log alone: bytes are opaque here otherwise. */
function findRequestId(command: Uint8Array): string {
  try {
    return decodeCommand(command).requestId;
  } catch {
    return "";
  }
}

function overloaded(): ClusterError {
  return new ClusterError("overloaded", "too many calls are open: try again later", {
    retryAfterMs: OVERLOADED_RETRY_MS,
    outcome: "not_applied",
  });
}
