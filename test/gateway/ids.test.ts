import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { createIds } from "../../src/gateway/ids.js";

describe("ids", () => {
  const atMs = 1_800_000_000_000;
  const ids = createIds(() => atMs, randomBytes);

  it("of events are lower-case ULIDs after an e, and sort by time", () => {
    expect(ids.event()).to.match(/^e[0-9a-hjkmnp-tv-z]{26}$/);
    const later = createIds(() => atMs + 1, randomBytes);
    for (let n = 0; n < 100; n++) expect(ids.event() < later.event()).to.equal(true);
  });

  it("of requests are UUIDv7, which tell the time", () => {
    const id = ids.uuid();
    expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).to.equal(atMs);
  });

  it("do not repeat", () => {
    const made = Array.from({ length: 1_000 }, () => [ids.event(), ids.session(), ids.uuid()]);
    expect(new Set(made.flat()).size).to.equal(3_000);
  });

  it("use every random bit that they are given", () => {
    const zeros = createIds(
      () => atMs,
      (count) => new Uint8Array(count),
    );
    const ones = createIds(
      () => atMs,
      (count) => new Uint8Array(count).fill(0xff),
    );
    expect(zeros.event().slice(-16)).to.equal("0".repeat(16));
    expect(ones.event().slice(-16)).to.equal("z".repeat(16));
  });
});
