import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { ChangeSchema } from "../../gen/cabildo/v1/sync_pb.js";
import type { Change } from "../../gen/cabildo/v1/sync_pb.js";
import { Positions } from "../../src/client/positions.js";

const ANA = "calendars/ana/events/e1";

describe("what a client has seen", () => {
  let positions: Positions;

  beforeEach(() => {
    positions = new Positions();
  });

  const change = (sequence: bigint): Change =>
    create(ChangeSchema, { resourceName: ANA, sequence, position: `heard-${sequence}` });

  it("counts for everything of a calendar, and for nothing else", () => {
    positions.answer(ANA, "p1", "");
    expect(positions.of("calendars/ana")).to.equal("p1");
    expect(positions.of("calendars/ana/events/e2")).to.equal("p1");
    expect(positions.of("calendars/nora")).to.equal("");
    expect(positions.of("")).to.equal("");
  });

  it("keeps the answers of calls that were under way together, whichever came last", () => {
    positions.answer(ANA, "written", "");
    positions.answer(ANA, "read before", "");
    expect(positions.of(ANA)).to.equal("written,read before");
  });

  it("gives up what a read has passed along once that is answered, and nothing newer", () => {
    positions.answer(ANA, "p1", "");
    positions.hear(change(5n));
    const passed = positions.of(ANA);
    positions.answer(ANA, "p2", "");
    positions.hear(change(6n));
    positions.answer(ANA, "p3", passed);
    expect(positions.of(ANA)).to.equal("p2,p3,heard-6");
    positions.answer(ANA, "p4", positions.of(ANA));
    expect(positions.of(ANA)).to.equal("p4");
  });

  it("remembers the newest change, though an older one comes later", () => {
    positions.hear(change(7n));
    positions.hear(change(6n));
    expect(positions.of(ANA)).to.equal("heard-7");
  });

  it("passes along no more than a request has room for, the newest answers", () => {
    for (let i = 1; i <= 40; i++) positions.answer(ANA, `p${i}`, "");
    const kept = positions.of(ANA).split(",");
    expect(kept).to.have.length(16);
    expect(kept.at(-1)).to.equal("p40");
  });

  it("is forgotten when the cluster was restored from before it", () => {
    positions.answer(ANA, "p1", "");
    positions.forget(ANA);
    expect(positions.of(ANA)).to.equal("");
  });
});
