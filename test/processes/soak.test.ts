import { expect } from "chai";
import { BLOWS, nameOf } from "../soak/blows.js";
import { ALL_AT_ONCE } from "../soak/nemesis.js";
import { soak } from "../soak/soak.js";

describe("subscribers of every manner, while anything may be killed or paused", function () {
  this.timeout(900_000);

  // https://github.com/nats-io/nats-server/issues/7564: in its midst everything is killed at once.
  it("hear what was allowed, all of it, once, in order, and as the log has it", async () => {
    const { faults, changes, strikes, closes, heardOn, ...numbers } = await soak({
      seconds: 60,
      subscribers: 200,
      seed: 1,
    });
    console.log(`      ${JSON.stringify({ ...numbers, ...Object.fromEntries(strikes) })}`);
    console.log(`      connections ended by code: ${JSON.stringify(Object.fromEntries(closes))}`);
    console.log(`      committed meanwhile: ${JSON.stringify(Object.fromEntries(changes))}`);
    console.log(`      heard on: ${JSON.stringify(Object.fromEntries(heardOn))}`);
    expect(faults.slice(0, 5)).to.deep.equal([]);
    expect(numbers.acknowledged).to.be.greaterThan(100);
    expect([...strikes.keys()]).to.include.members([ALL_AT_ONCE, ...BLOWS.map(nameOf)]);
    expect([...changes.keys()]).to.have.members(["events-am", "events-nz", "groups", "users"]);
    for (const [shard, count] of changes) expect(count, shard).to.be.greaterThan(5);
    expect(numbers.choicesFollowed).to.be.greaterThan(3);
    expect(numbers.deliveries).to.be.greaterThan(1_000);
    expect(numbers.rightsTaken).to.be.greaterThan(3);
    expect(numbers.cutsToTheLast).to.be.greaterThan(3);
    const [own, others] = [
      ["users", "calendars", "events", "chosen users"],
      ["calendars", "events", "groups"],
    ];
    expect([...heardOn.keys()]).to.include.members([
      ...own,
      ...others.map((kind) => `others' ${kind}`),
    ]);
    expect([...heardOn.keys()].some((kind) => kind.startsWith("chosen"))).to.equal(true);
  });
});
