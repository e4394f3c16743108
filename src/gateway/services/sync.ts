import { SyncService } from "../../../gen/cabildo/v1/sync_pb.js";
import type { SyncEventsRequest, WatchChangesRequest } from "../../../gen/cabildo/v1/sync_pb.js";
import { ClusterError, toAbortSignal } from "../../base/index.js";
import type { ShardDescription } from "../../placement/index.js";
import type { FeedItem, ShardPosition } from "../../shards/index.js";
import { changeToPublic } from "../../wire/index.js";
import { fieldFault } from "../faults.js";
import { serverStream, unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseCalendar } from "../names.js";
import { positionsOf } from "../positions.js";
import { epochChanged } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";
import { Hearing } from "./hearing.js";
import { Standing } from "./standing.js";

/** A quiet stream says how far it got this often, where it got further. */
const CHECKPOINT_MS = 5_000;
/** Where nothing changes, a right is asked for again this often, so that one that ended is over within 5 seconds. */
const HEAR_MS = 2_500;
const SYNC_PAGE_DEFAULT = 100;
const SYNC_MS = 10_000;

export function syncHandlers(context: ServiceContext): readonly Handler[] {
  return [
    unary(SyncService.method.syncEvents, (call, request) => sync(context, call, request)),
    serverStream(SyncService.method.watchChanges, (call, request) => watch(context, call, request)),
  ];
}

/** What changed since, up to the present or to a full page; never a part of what one write did. */
async function sync(context: ServiceContext, call: Call, request: SyncEventsRequest) {
  const { parent, syncToken } = request;
  const calendar = parseCalendar(parent, "parent");
  const shard = call.shards.of("calendars", calendar);
  const after = positionsOf(context.positions, syncToken, "sync_token");
  const since = after.find((place) => place.shard === shard.number);
  const hearing = await Hearing.begin(call, parent, since === undefined ? [] : [since]);
  if (syncToken === "") {
    throw fieldFault("sync_token", "begin with a list, and go on from its position");
  }
  if (since === undefined) {
    throw fieldFault("sync_token", `says nothing of ${parent}: take one from a list of it`);
  }
  const { position: present } = await call.shards.read(
    shard,
    call.caller,
    { ...NOTHING, calendars: [calendar] },
    after,
  );
  const size = request.pageSize === 0 ? SYNC_PAGE_DEFAULT : request.pageSize;
  const until = present.sequence;
  const items: FeedItem[] = [];
  let upTo = since.sequence;
  const ending = AbortSignal.any([toAbortSignal(call.signal), AbortSignal.timeout(SYNC_MS)]);
  if (upTo < until) {
    for await (const batch of call.shards.changes(shard, parent, after, ending, until)) {
      items.push(...batch.items);
      upTo = batch.upTo;
      if (items.length > size || upTo >= until) break;
    }
    if (upTo < until && items.length <= size) throw late();
  }
  const page = firstWhole(items, size);
  const last = page.at(-1);
  const isCut = page.length < items.length;
  const end = isCut && last !== undefined ? last.sequence : upTo;
  const at = (sequence: number) => ({ shard: shard.number, epoch: present.epoch, sequence });
  const place = (sequence: number): string => context.encode(at(sequence));
  const heard = await hearing.hear(page, at(upTo));
  return {
    changes: heard.map(({ change, ...how }, i) =>
      changeToPublic(change, {
        ...how,
        shard: shard.name,
        position: place(how.sequence),
        previousSequence: heard[i - 1]?.sequence ?? 0,
      }),
    ),
    nextSyncToken: place(end),
    more: end < until,
  };
}

/** Whoever goes on from what was never committed hears nothing, and later not all: the cluster is another one than it was. */
async function requirePast(
  call: Call,
  shard: ShardDescription,
  calendar: string,
  { epoch, sequence }: ShardPosition,
): Promise<void> {
  const question = { ...NOTHING, calendars: [calendar] };
  const { position } = await call.shards.read(shard, call.caller, question, [], {
    mayBeStale: false,
  });
  if (position.epoch !== epoch || position.sequence < sequence) throw epochChanged();
}

/** A question that costs nothing, for the position as of which it is answered. */
const NOTHING = {
  kind: "list-events",
  pageSize: 1,
  after: "",
  windowStartMs: 1,
  windowEndMs: 2,
  showDeleted: false,
  asAgenda: false,
  conditions: [],
} as const;

function late(): ClusterError {
  return new ClusterError("deadline-exceeded", "the changes did not come in time: try again", {
    outcome: "not_applied",
  });
}

/** As many as are wanted, and the rest of the last one's entry: a position stands between entries. */
function firstWhole(items: readonly FeedItem[], size: number): readonly FeedItem[] {
  let count = Math.min(size, items.length);
  while (count < items.length && items[count]?.index === items[count - 1]?.index) count++;
  return items.slice(0, count);
}

/** Ends when the caller's token does: go on with a new one from the last position. */
async function* watch(context: ServiceContext, call: Call, request: WatchChangesRequest) {
  const { clock, positions } = context;
  const { channel } = request;
  const calendar = parseCalendar(channel, "channel");
  const shard = call.shards.of("calendars", calendar);
  const after = positionsOf(positions, request.position);
  const begin = after.find((place) => place.shard === shard.number);
  const hearing = await Hearing.begin(call, channel, begin === undefined ? [] : [begin]);
  if (after.length > 0 && begin === undefined) {
    throw fieldFault("position", `says nothing of ${channel}: take one from a list of it`);
  }
  const expired = new AbortController();
  const leftMs = call.expireTimeMs - clock.wallMs();
  const cancel = clock.after(leftMs, () => expired.abort());
  const watched = new Standing(clock, call, hearing);
  const signal = AbortSignal.any([toAbortSignal(call.signal), expired.signal, watched.ended]);
  try {
    // At once: the headers go out with the first message.
    if (after.length > 0) yield { changes: [], position: request.position };
    if (begin !== undefined) await requirePast(call, shard, calendar, begin);
    let silentSinceMs = after.length > 0 ? clock.monotonicMs() : -Infinity;
    let heardMs = -Infinity;
    let previousSequence = 0;
    for await (const event of call.shards.changes(shard, channel, after, signal)) {
      const { items, upTo, epoch } = event;
      await call.recheck();
      const nowMs = clock.monotonicMs();
      const at = (sequence: number) => ({ shard: shard.number, epoch, sequence });
      if (items.length === 0 && nowMs - heardMs < HEAR_MS) {
        watched.passed(at(upTo));
        continue;
      }
      heardMs = nowMs;
      const place = (sequence: number): string => context.encode(at(sequence));
      const heard = await hearing.hear(items, at(upTo));
      if (heard.length === 0 && nowMs - silentSinceMs < CHECKPOINT_MS) continue;
      const changes = heard.map(({ change, ...how }) => {
        const position = place(how.sequence);
        const where = { ...how, shard: shard.name, position, previousSequence };
        previousSequence = how.sequence;
        return changeToPublic(change, where);
      });
      yield { changes, position: place(upTo) };
      silentSinceMs = clock.monotonicMs();
    }
    if (!call.signal.aborted) watched.ended.throwIfAborted();
    if (expired.signal.aborted && !call.signal.aborted) {
      throw new ClusterError(
        "unauthenticated",
        "the access token has ended: go on with a new one from the last position",
      );
    }
  } finally {
    cancel();
    watched.close();
  }
}
