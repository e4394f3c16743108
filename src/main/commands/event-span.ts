import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { EventSchema } from "../../../gen/cabildo/v1/events_pb.js";
import { parseTime } from "../client/zoned-time.js";
import { UsageError } from "../command-line-parts.js";

export const DEFAULT_MINUTES = 60;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

type Span = NonNullable<MessageInitShape<typeof EventSchema>["span"]>;

export interface SpanOptions {
  readonly start?: string;
  readonly end?: string;
  readonly minutes?: number;
}

/** When an event is, from what somebody wrote: timed if the start has a time of day, whole days if it has none. */
export function parseSpan({ start = "", end, minutes }: SpanOptions, timeZone: string): Span {
  const from = parseTime(start, timeZone);
  const to = end === undefined ? undefined : parseTime(end, timeZone);
  if (to !== undefined && minutes !== undefined) {
    throw new UsageError("give --end or --minutes, not both");
  }
  if (to !== undefined && to.kind !== from.kind) {
    throw new UsageError("--start and --end must both have a time of day, or neither");
  }
  if (from.kind === "moment") {
    const endMs =
      to?.kind === "moment" ? to.ms : from.ms + (minutes ?? DEFAULT_MINUTES) * MINUTE_MS;
    const startTime = timestampFromMs(from.ms);
    return { case: "timed", value: { startTime, endTime: timestampFromMs(endMs), timeZone } };
  }
  if (minutes !== undefined) throw new UsageError("a whole day has no --minutes: give --end");
  const next = new Date(Date.UTC(from.year, from.month - 1, from.day) + DAY_MS);
  const endDate =
    to?.kind === "day"
      ? { year: to.year, month: to.month, day: to.day }
      : { year: next.getUTCFullYear(), month: next.getUTCMonth() + 1, day: next.getUTCDate() };
  const startDate = { year: from.year, month: from.month, day: from.day };
  return { case: "allDay", value: { startDate, endDate } };
}
