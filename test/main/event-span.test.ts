import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { parseSpan } from "../../src/main/commands/event-span.js";
import type { SpanOptions } from "../../src/main/commands/event-span.js";
import { formatEvent } from "../../src/main/commands/event-text.js";

const ZONE = "Europe/Madrid";
const iso = (time: Timestamp | undefined): string =>
  time === undefined ? "" : timestampDate(time).toISOString();
const eventOf = (options: SpanOptions) =>
  create(EventSchema, {
    title: "Lunch",
    name: "calendars/a/events/e1",
    span: parseSpan(options, ZONE),
  });

describe("when an event is", () => {
  it("begins in the user's zone, and takes an hour unless somebody says otherwise", () => {
    const { span } = eventOf({ start: "2026-12-01T13:00" });
    expect(span.case).to.equal("timed");
    if (span.case !== "timed") return;
    expect(iso(span.value.startTime)).to.equal("2026-12-01T12:00:00.000Z");
    expect(iso(span.value.endTime)).to.equal("2026-12-01T13:00:00.000Z");
    expect(span.value.timeZone).to.equal(ZONE);
  });

  it("ends when it was said, or after so many minutes", () => {
    const text = (options: SpanOptions): string => formatEvent(eventOf(options), ZONE);
    expect(text({ start: "2026-12-01T13:00", minutes: 15 })).to.contain("13:00 - 13:15  Lunch");
    expect(text({ start: "2026-12-01T23:00", end: "2026-12-02T01:00" })).to.contain(
      "2026-12-01 23:00 - 2026-12-02 01:00",
    );
  });

  it("is a whole day where no time of day was given, across the end of a month", () => {
    const { span } = eventOf({ start: "2026-02-28" });
    expect(span.case).to.equal("allDay");
    if (span.case !== "allDay") return;
    expect(span.value.endDate).to.include({ year: 2026, month: 3, day: 1 });
  });

  it("is refused where the two ends do not fit", () => {
    expect(() => eventOf({ start: "2026-12-01", end: "2026-12-01T10:00" })).to.throw("both");
    expect(() => eventOf({ start: "2026-12-01", minutes: 5 })).to.throw("whole day");
    expect(() =>
      eventOf({ start: "2026-12-01T10:00", end: "2026-12-01T11:00", minutes: 5 }),
    ).to.throw("not both");
  });
});
