import { once } from "node:events";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServerWritableStream } from "@grpc/grpc-js";
import {
  ReadBackupResponseSchema,
  type ReadBackupRequest,
  type ReadBackupResponse,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import { ClusterError } from "../base/index.js";
import type { SnapshotSource } from "../runtime/index.js";
import { encodeSnapshotRows, toUint64 } from "../wire/index.js";
import type { NodeContext } from "./context.js";
import { requireReplica } from "./require-replica.js";
import { requireShard } from "./require-shard.js";
import { RpcFailure } from "./rpc-failure.js";

const OPEN_TIMEOUT_MS = 5000;
const PART_BYTES = 256 * 1024;

export type BackupCall = ServerWritableStream<ReadBackupRequest, ReadBackupResponse>;

/** Sends a copy of a replica as the caller takes it: no more than a part of it is in memory. */
export async function streamBackup(call: BackupCall, context: NodeContext): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  call.on("cancelled", end);
  call.on("error", end);
  context.closing.signal.addEventListener("abort", end);
  try {
    await send(call, context, stop.signal);
    call.end();
  } catch (error) {
    if (!stop.signal.aborted && !(error instanceof ClusterError))
      context.options.unexpected?.(error, {});
    // Never an ordinary end: what came so far is not the whole.
    call.emit("error", new RpcFailure(stop.signal.aborted ? stopping() : error));
  } finally {
    context.closing.signal.removeEventListener("abort", end);
  }
}

async function send(call: BackupCall, context: NodeContext, signal: AbortSignal): Promise<void> {
  const shard = requireShard(context, call.request.shard);
  const replica = requireReplica(context, shard.number);
  const source = await replica.openSnapshot({ timeoutMs: OPEN_TIMEOUT_MS });
  try {
    await write(call, headerOf(context, shard, source), signal);
    for (;;) {
      const rows = await source.next(PART_BYTES);
      if (rows === undefined) return;
      const value = encodeSnapshotRows(rows);
      await write(
        call,
        create(ReadBackupResponseSchema, { part: { case: "rows", value } }),
        signal,
      );
    }
  } finally {
    await source.close();
  }
}

async function write(call: BackupCall, part: ReadBackupResponse, signal: AbortSignal) {
  signal.throwIfAborted();
  if (!call.write(part)) await once(call, "drain", { signal });
}

function headerOf(
  { options }: NodeContext,
  { number, name }: { readonly number: number; readonly name: string },
  { state }: SnapshotSource,
): ReadBackupResponse {
  const { index, term, sequence, epoch, stateHash, timeMs } = state;
  return create(ReadBackupResponseSchema, {
    part: {
      case: "header",
      value: {
        clusterId: options.clusterId,
        shard: number,
        name,
        index: toUint64(index),
        term: toUint64(term),
        sequence: toUint64(sequence),
        epoch,
        stateHash: Buffer.from(stateHash).toString("hex"),
        time: timestampFromMs(timeMs),
      },
    },
  });
}

function stopping(): ClusterError {
  return new ClusterError("stopping", "the copy was not finished: begin again");
}
