import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Date as CalendarDate } from "../../../gen/google/type/date_pb.js";
import type { Event } from "../../../gen/cabildo/v1/events_pb.js";
import { formatTime } from "../client/zoned-time.js";
import { plainText } from "../plain-text.js";

/** One event in a line; `width` is what its time takes at least. */
export function formatEvent(event: Event, timeZone: string, width = 0): string {
  const where = event.location === "" ? "" : ` (${event.location})`;
  const gone = event.deleteTime === undefined ? "" : " [deleted]";
  const shard = event.shard === "" ? "" : `  in ${event.shard}`;
  const what = plainText(`${event.title}${where}`);
  const when = formatSpan(event, timeZone).padEnd(width);
  return `${when}  ${what}${gone}  ${event.name}${shard}`;
}

export function formatEvents(events: readonly Event[], timeZone: string): string {
  if (events.length === 0) return "no events";
  const width = Math.max(...events.map((event) => formatSpan(event, timeZone).length));
  return events.map((event) => formatEvent(event, timeZone, width)).join("\n");
}

function formatSpan({ span }: Event, timeZone: string): string {
  switch (span.case) {
    case "timed": {
      const start = moment(span.value.startTime, timeZone);
      const end = moment(span.value.endTime, timeZone);
      const [startDay = ""] = start.split(" ");
      return `${start} - ${end.startsWith(startDay) ? end.slice(startDay.length + 1) : end}`;
    }
    case "allDay": {
      const first = day(span.value.startDate);
      const last = lastDay(span.value.endDate);
      return last > first ? `${first} - ${last} all day` : `${first} all day`;
    }
    case undefined:
      return "no time";
  }
}

function moment(time: Timestamp | undefined, timeZone: string): string {
  return time === undefined ? "?" : formatTime(timestampMs(time), timeZone);
}

function day(date: CalendarDate | undefined): string {
  return date === undefined ? "?" : dayOfMs(Date.UTC(date.year, date.month - 1, date.day));
}

/** The end is the day after. */
function lastDay(end: CalendarDate | undefined): string {
  return end === undefined ? "" : dayOfMs(Date.UTC(end.year, end.month - 1, end.day - 1));
}

const dayOfMs = (ms: number): string => new Date(ms).toISOString().slice(0, "2026-12-01".length);
