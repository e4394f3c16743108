import { once } from "node:events";
import type { ServerWritableStream } from "@grpc/grpc-js";
import type { ChangesRequest, ChangesResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError } from "../base/index.js";
import type { FeedBatch } from "../runtime/index.js";
import { encodeFeed, isMalformed, toSafeInteger } from "../wire/index.js";
import type { NodeContext } from "./context.js";
import { requireReplica } from "./require-replica.js";
import { RpcFailure } from "./rpc-failure.js";

const CHANNELS_MAX = 1000;

export type ChangesCall = ServerWritableStream<ChangesRequest, ChangesResponse>;

/**
 * Sends a replica's feed as the caller takes it: nothing is asked of the replica while the last batch waits, so a slow caller
 * costs one batch and is served from the disk.
 */
export async function streamChanges(call: ChangesCall, context: NodeContext): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  call.on("cancelled", end);
  call.on("error", end);
  context.closing.signal.addEventListener("abort", end);
  try {
    if (isMalformed(call.request)) throw new ClusterError("invalid-argument", "not a request");
    await send(call, context, stop.signal);
    call.end();
  } catch (error) {
    if (stop.signal.aborted) call.end();
    else fail(call, context, error);
  } finally {
    context.closing.signal.removeEventListener("abort", end);
  }
}

async function send(call: ChangesCall, context: NodeContext, signal: AbortSignal): Promise<void> {
  const { request } = call;
  if (request.channels.length > CHANNELS_MAX) {
    throw new ClusterError("invalid-argument", `at most ${CHANNELS_MAX} channels`);
  }
  const replica = requireReplica(context, request.shard);
  const status = replica.status();
  if (request.epoch !== 0 && request.epoch !== status.epoch) throw epochChanged();
  const until = toSafeInteger(request.untilSequence);
  const after = request.fromNow ? status.sequence : toSafeInteger(request.afterSequence);
  const feed = replica.changes({ after, channels: request.channels, signal });
  for await (const batch of feed) {
    if (batch.epoch !== status.epoch) throw epochChanged();
    for (const frame of encodeFeed(cut(batch, until))) {
      if (signal.aborted) return;
      if (!call.write(frame)) await once(call, "drain", { signal });
    }
    if (until > 0 && batch.upTo >= until) return;
  }
}

function cut(batch: FeedBatch, until: number) {
  const { rows, upTo, firstSequence, epoch, leaderAgeMs } = batch;
  const past = until > 0 && upTo > until;
  const items = past ? rows.filter(({ sequence }) => sequence <= until) : rows;
  return { items, upTo: past ? until : upTo, firstSequence, epoch, leaderAgeMs };
}

function fail(call: ChangesCall, context: NodeContext, error: unknown): void {
  if (!(error instanceof ClusterError)) context.options.unexpected?.(error, {});
  call.emit("error", new RpcFailure(error));
}

function epochChanged(): ClusterError {
  return new ClusterError("epoch-changed", "the shard was restored: read its state again");
}
