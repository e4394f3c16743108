import { SyncService } from "../../../gen/cabildo/v1/sync_pb.js";
import type { WatchChangesRequest } from "../../../gen/cabildo/v1/sync_pb.js";
import { ClusterError } from "../../base/index.js";
import { changeToPublic, decodeChange } from "../../wire/index.js";
import { requireCalendar } from "../calendars.js";
import { fieldFault } from "../faults.js";
import { serverStream } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseCalendar } from "../names.js";
import { positionsOf } from "../positions.js";
import type { ServiceContext } from "./context.js";

/** A quiet stream says how far it got this often, where it got further. */
const CHECKPOINT_MS = 5_000;

export function syncHandlers(context: ServiceContext): readonly Handler[] {
  return [
    serverStream(SyncService.method.watchChanges, (call, request) => watch(context, call, request)),
  ];
}

/** Ends when the caller's token does: go on with a new one from the last position. */
async function* watch(context: ServiceContext, call: Call, request: WatchChangesRequest) {
  const { clock, positions } = context;
  const { channel } = request;
  const calendar = parseCalendar(channel, "channel");
  requireCalendar(call.caller, "channel.watch", calendar, channel);
  const shard = call.shards.of("calendars", calendar);
  const after = positionsOf(positions, request.position);
  if (after.length > 0 && !after.some((place) => place.shard === shard.number)) {
    throw fieldFault("position", `says nothing of ${channel}: take one from a list of it`);
  }
  const expired = new AbortController();
  const leftMs = call.expireTimeMs - clock.wallMs();
  const cancel = clock.after(leftMs, () => expired.abort());
  const signal = AbortSignal.any([call.signal, expired.signal]);
  try {
    // At once: the headers go out with the first message.
    if (after.length > 0) yield { changes: [], position: request.position };
    let silentSinceMs = after.length > 0 ? clock.monotonicMs() : -Infinity;
    let previousSequence = 0;
    for await (const event of call.shards.changes(shard, channel, after, signal)) {
      const { items, upTo, epoch } = event;
      const nowMs = clock.monotonicMs();
      if (items.length === 0 && nowMs - silentSinceMs < CHECKPOINT_MS) continue;
      await call.recheck();
      const place = (sequence: number): string =>
        context.encode({ shard: shard.number, epoch, sequence });
      const changes = items.map((item) => {
        const { sequence, timeMs } = item;
        const position = place(sequence);
        const at = { sequence, timeMs, shard: shard.name, position, previousSequence };
        previousSequence = sequence;
        return changeToPublic(decodeChange(item.change), at);
      });
      yield { changes, position: place(upTo) };
      silentSinceMs = clock.monotonicMs();
    }
    if (expired.signal.aborted && !call.signal.aborted) {
      throw new ClusterError(
        "unauthenticated",
        "the access token has ended: go on with a new one from the last position",
      );
    }
  } finally {
    cancel();
  }
}
