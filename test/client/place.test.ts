import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { ChangeSchema } from "../../gen/cabildo/v1/sync_pb.js";
import { Place } from "../../src/client/place.js";
import type { Arrival } from "../../src/client/place.js";

describe("the place of a subscription", () => {
  let place: Place;

  beforeEach(() => {
    place = new Place(["p0"]);
  });

  const hear = (channel: string, sequence: number, previous: number): Arrival =>
    place.hear(
      channel,
      create(ChangeSchema, {
        shard: "events-am",
        sequence: BigInt(sequence),
        previousSequence: BigInt(previous),
        position: `am-${sequence}`,
      }),
    );

  it("takes a change whose predecessor came on another of its channels", () => {
    expect(hear("users/ana", 1, 0)).to.equal("next");
    expect(hear("calendars/ana", 2, 0)).to.equal("next");
    expect(hear("users/ana", 3, 2)).to.equal("next");
    expect(hear("users/ana", 5, 4)).to.equal("gap");
    expect(place.since).to.deep.equal(["p0", "am-3"]);
  });

  it("does not miss what it cannot remember", () => {
    hear("users/ana", 1, 0);
    hear("calendars/ana", 2, 0);
    for (let sequence = 3; sequence < 6_000; sequence++) hear("calendars/ana", sequence, 0);
    expect(hear("users/ana", 6_000, 2)).to.equal("next");
    expect(hear("users/ana", 1, 0)).to.equal("repeated");
  });

  it("misses nothing of a channel that was left meanwhile", () => {
    hear("calendars/ana", 1, 0);
    hear("calendars/nora", 2, 0);
    place.keep(["calendars/nora"]);
    expect(hear("calendars/ana", 9, 8)).to.equal("next");
    expect(hear("calendars/nora", 10, 7)).to.equal("gap");
  });

  it("stays where it is while a channel is not heard, and takes what that has missed", () => {
    hear("calendars/ana", 1, 0);
    place.hold();
    expect(hear("calendars/ana", 4, 1)).to.equal("next");
    expect(place.since).to.deep.equal(["p0", "am-1"]);
    // Heard from there again, with the other channel.
    expect(hear("calendars/bob", 2, 0)).to.equal("next");
    expect(hear("calendars/bob", 3, 2)).to.equal("next");
    expect(hear("calendars/ana", 4, 1)).to.equal("repeated");
    expect(place.since).to.deep.equal(["p0", "am-1"]);
    place.rebase(["p4"]);
    expect(place.since).to.deep.equal(["p4"]);
    expect(hear("calendars/bob", 5, 3)).to.equal("next");
    expect(place.since).to.deep.equal(["p4", "am-5"]);
  });
});
