import { fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { expect } from "chai";
import { EventSchema } from "../../../gen/cabildo/v1/events_pb.js";
import type { CalendarEvent } from "../../../src/domain/index.js";
import { eventToPublic } from "../../../src/wire/index.js";

const PLACE = { shard: "events-am", position: "AAAA" };

const PLAIN: CalendarEvent = {
  ...{
    calendar: "ana",
    id: "e01m8dz4m4nwh1gvssknztbk6q0",
    organizer: "",
    attendees: [],
    group: "",
  },
  ...{ title: "Lunch", description: "", location: "", source: "", icalUid: "", rule: "unanimous" },
  span: { kind: "timed", startMs: 1_800_000_000_250, endMs: 1_800_000_060_000, timeZone: "UTC" },
  ...{ visibility: "default", transparency: "opaque", state: "confirmed", labels: [] },
  ...{ reminderMinutes: [], recurrence: [], recurringEvent: "", originalStartMs: 0, sequence: 0 },
  ...{
    createTimeMs: 1_790_000_000_001,
    updateTimeMs: 0,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: 4,
  },
};

const FULL: CalendarEvent = {
  ...PLAIN,
  ...{ organizer: "bea", group: "choir", source: "bea", icalUid: "1@elsewhere" },
  attendees: [
    { user: "ana", response: "accepted", optional: true, comment: "late", respondTimeMs: 1 },
    { user: "carl", response: "auto-accepted", optional: false, comment: "", respondTimeMs: 0 },
  ],
  span: {
    kind: "all-day",
    start: { year: 1969, month: 7, day: 20 },
    end: { year: 1969, month: 7, day: 22 },
  },
  labels: [{ key: "colour", value: "red" }],
  reminderMinutes: [10, 60],
  recurrence: ["RRULE:FREQ=DAILY"],
  ...{ recurringEvent: "e01m8dz4m4nwh1gvssknztbk6q1", originalStartMs: -14_159_025_750 },
  ...{ updateTimeMs: 2, deleteTimeMs: 3, purgeTimeMs: 4 },
};

describe("an event as it is answered with", () => {
  for (const [kind, event] of Object.entries({ plain: PLAIN, full: FULL })) {
    it(`has every field that the schema gives it, and survives its encoding: ${kind}`, () => {
      const message = eventToPublic(event, PLACE);
      const fields = EventSchema.members.map(({ localName }) => localName);
      expect(Object.keys(message)).to.have.members(["$typeName", ...fields]);
      const read = fromBinary(EventSchema, toBinary(EventSchema, message));
      expect(toJson(EventSchema, message)).to.deep.equal(toJson(EventSchema, read));
    });
  }

  it("has its moments to the millisecond, before 1970 too", () => {
    const { createTime } = eventToPublic(PLAIN, PLACE);
    expect(createTime).to.include({ seconds: 1_790_000_000n, nanos: 1_000_000 });
    const { originalStartTime } = eventToPublic(FULL, PLACE);
    expect(originalStartTime).to.include({ seconds: -14_159_026n, nanos: 250_000_000 });
  });
});
