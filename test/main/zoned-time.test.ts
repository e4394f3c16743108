import { expect } from "chai";
import { formatTime, parseTime, requireTimeZone } from "../../src/main/client/zoned-time.js";

const at = (text: string, zone: string): string => {
  const time = parseTime(text, zone);
  return time.kind === "moment" ? new Date(time.ms).toISOString() : "a day";
};

describe("a time that somebody writes", () => {
  it("is what a clock in their zone shows", () => {
    expect(at("2026-12-01T10:00", "Europe/Madrid")).to.equal("2026-12-01T09:00:00.000Z");
    expect(at("2026-07-01 10:00", "Europe/Madrid")).to.equal("2026-07-01T08:00:00.000Z");
    expect(at("2026-12-01T10:00:30", "America/Bogota")).to.equal("2026-12-01T15:00:30.000Z");
    expect(at("2026-12-01T10:00", "Asia/Kathmandu")).to.equal("2026-12-01T04:15:00.000Z");
  });

  it("may say its own offset", () => {
    expect(at("2026-12-01T10:00Z", "Europe/Madrid")).to.equal("2026-12-01T10:00:00.000Z");
    expect(at("2026-12-01T10:00+05:30", "UTC")).to.equal("2026-12-01T04:30:00.000Z");
    expect(at("2026-12-01T10:00-0300", "UTC")).to.equal("2026-12-01T13:00:00.000Z");
  });

  it("is the first of two when the clock is put back", () => {
    expect(at("2026-10-25T02:30", "Europe/Madrid")).to.equal("2026-10-25T00:30:00.000Z");
    expect(at("2026-11-01T01:30", "America/New_York")).to.equal("2026-11-01T05:30:00.000Z");
  });

  it("is counted on when the clock skips it", () => {
    expect(at("2026-03-29T02:30", "Europe/Madrid")).to.equal("2026-03-29T01:30:00.000Z");
  });

  it("is a whole day without a time of day", () => {
    expect(parseTime("2026-12-01", "UTC")).to.deep.equal({
      kind: "day",
      year: 2026,
      month: 12,
      day: 1,
    });
  });

  it("is refused where no calendar or clock has it", () => {
    for (const text of ["2026-02-30", "2026-12-01T24:00", "2026-13-01", "tomorrow", ""]) {
      expect(() => parseTime(text, "UTC"), text).to.throw(/is no time|not in the calendar/u);
    }
  });

  it("is shown as it was written", () => {
    for (const zone of ["Europe/Madrid", "America/Bogota", "UTC", "Australia/Lord_Howe"]) {
      const time = parseTime("2026-12-01T10:00", zone);
      expect(time.kind === "moment" && formatTime(time.ms, zone)).to.equal("2026-12-01 10:00");
    }
  });

  it("needs a zone that exists", () => {
    expect(requireTimeZone("Europe/Madrid")).to.equal("Europe/Madrid");
    expect(() => requireTimeZone("Mars/Base")).to.throw("there is no time zone Mars/Base");
  });
});
