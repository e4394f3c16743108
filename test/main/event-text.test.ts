import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { formatEvents } from "../../src/main/commands/event-text.js";
import { formatTable } from "../../src/main/table.js";

const date = (month: number, day: number) => ({ year: 2026, month, day });
const days = (title: string, from: [number, number], end: [number, number]) =>
  create(EventSchema, {
    name: "calendars/ana/events/e1",
    title,
    span: { case: "allDay", value: { startDate: date(...from), endDate: date(...end) } },
  });

describe("events for a person at a terminal", () => {
  it("are in a column, each up to its last day", () => {
    const events = [days("Fast", [11, 30], [12, 1]), days("Trip", [12, 30], [13, 2])];
    expect(formatEvents(events, "UTC").split("\n")).to.deep.equal([
      "2026-11-30 all day               Fast  calendars/ana/events/e1",
      "2026-12-30 - 2027-01-01 all day  Trip  calendars/ana/events/e1",
    ]);
  });

  it("do not steer the terminal, nor does a table", () => {
    const title = "a\u001b[2Jb\u0007c\u202ed\ne";
    const shown = "a\ufffd[2Jb\ufffdc\ufffdd e";
    expect(formatEvents([days(title, [12, 1], [12, 2])], "UTC")).to.contain(shown);
    expect(formatTable(["name"], [[title]])).to.contain(shown);
  });
});
