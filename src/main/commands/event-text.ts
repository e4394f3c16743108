import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Date as CalendarDate } from "../../../gen/google/type/date_pb.js";
import type { Event } from "../../../gen/cabildo/v1/events_pb.js";
import { formatTime } from "../client/zoned-time.js";

/** One event in a line. */
export function formatEvent(event: Event, timeZone: string): string {
  const where = event.location === "" ? "" : ` (${event.location})`;
  const gone = event.deleteTime === undefined ? "" : " [deleted]";
  const shard = event.shard === "" ? "" : `  in ${event.shard}`;
  return `${formatSpan(event, timeZone)}  ${event.title}${where}${gone}  ${event.name}${shard}`;
}

export function formatEvents(events: readonly Event[], timeZone: string): string {
  if (events.length === 0) return "no events";
  return events.map((event) => formatEvent(event, timeZone)).join("\n");
}

function formatSpan({ span }: Event, timeZone: string): string {
  switch (span.case) {
    case "timed": {
      const start = moment(span.value.startTime, timeZone);
      const end = moment(span.value.endTime, timeZone);
      const [startDay = ""] = start.split(" ");
      return `${start} - ${end.startsWith(startDay) ? end.slice(startDay.length + 1) : end}`;
    }
    case "allDay":
      return `${day(span.value.startDate)} all day`;
    case undefined:
      return "no time";
  }
}

function moment(time: Timestamp | undefined, timeZone: string): string {
  return time === undefined ? "?" : formatTime(timestampMs(time), timeZone);
}

function day(date: CalendarDate | undefined): string {
  if (date === undefined) return "?";
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${date.year}-${two(date.month)}-${two(date.day)}`;
}
