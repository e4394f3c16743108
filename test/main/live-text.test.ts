import { expect } from "chai";
import {
  CONNECTIONS_HEAD,
  connectionRows,
  formatMay,
  formatTrace,
} from "../../src/main/commands/live-text.js";

const ZONE = "Europe/Madrid";
const connection = {
  ...{ connection: 7, user: "users/ana", session: "users/ana/sessions/s", address: "192.0.2.1" },
  ...{ opened: "2026-12-01T10:00:01.000Z", expires: "2026-12-01T10:05:01.000Z" },
  ...{ unsent_bytes: 3, calls: 1 },
};
const live = { shard: "users", state: "live", sequence: "44", behind: 0 };
const channel = (name: string, ...shards: readonly object[]) => ({
  ...{ channel: name, view: "full", granted_since: "0", shards },
});

describe("what operators read of the live channels", () => {
  const rowsOf = (...channels: readonly object[]): readonly string[][] =>
    connectionRows({ server: "fanout-1", connections: [{ ...connection, channels }] }, ZONE);

  it("is a row for each shard of each channel, by the clock of who reads it", () => {
    const waiting = { shard: "groups", state: "waiting-for-shard" };
    const rows = rowsOf(channel("users/ana", live, waiting), channel("cluster"));
    expect(rows[0]).to.deep.equal([
      ...["fanout-1", "7", "users/ana", "192.0.2.1", "11:00:01", "11:05:01", "3", "1"],
      ...["users/ana", "full", "users", "live", "44", "0"],
    ]);
    expect(rows[0]).to.have.length(CONNECTIONS_HEAD.length);
    expect(rows.slice(1).map((row) => row.filter((cell) => cell !== ""))).to.deep.equal([
      ["groups", "waiting-for-shard"],
      ["cluster", "full"],
    ]);
  });

  it("is a row for a connection that hears nothing", () => {
    expect(rowsOf()).to.have.length(1);
  });

  it("is a sentence of who may hear what, and why not", () => {
    const asked = { server: "fanout-1", user: "users/ben", channel: "calendars/ana" };
    const right = { allowed: true, view: "readers", granted_since: "31" };
    expect(formatMay({ ...asked, ...right })).to.equal(
      "fanout-1: users/ben may hear calendars/ana, as its readers do, from sequence 31 on",
    );
    const error = { code: "NOT_FOUND", message: "calendars/ana was not found" };
    expect(formatMay({ ...asked, allowed: false, error })).to.equal(
      "fanout-1: users/ben may not hear calendars/ana: calendars/ana was not found (NOT_FOUND)",
    );
  });

  it("is a line for each thing that happens, with nothing that steers a terminal", () => {
    const line = {
      ...{ server: "fanout-1", time: "2026-12-01T10:00:01.007Z", connection: 7 },
      ...{ user: "users/ana", event: "refused", channel: "a\u001b[2Jb", code: "NOT_FOUND" },
    };
    expect(formatTrace(line, ZONE)).to.equal(
      "11:00:01.007  fanout-1  #7  users/ana  refused  channel=a\ufffd[2Jb  code=NOT_FOUND",
    );
    const leftOut = { server: "fanout-1", time: line.time, event: "left-out", lines: 12 };
    expect(formatTrace(leftOut, ZONE)).to.equal("11:00:01.007  fanout-1  left-out  lines=12");
  });
});
