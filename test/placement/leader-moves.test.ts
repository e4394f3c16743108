import { expect } from "chai";
import { fc } from "../support/properties.js";
import {
  afterMove,
  nextLeaderMove,
  observeLeaders,
  planLeaderMoves,
} from "../../src/placement/index.js";
import type { LeaderMove, LeaderPlacement, ObservedShard } from "../../src/placement/index.js";

const NODES = ["node-1", "node-2", "node-3", "node-4", "node-5"];
const IDLE = { reachable: true, learner: false, leaving: false, quarantine: "", lag: 0 };

function shard(name: string, leader: string, nodes = NODES.slice(0, 3)): ObservedShard {
  return { name, leader, replicas: nodes.map((node) => ({ ...IDLE, node })) };
}

/** One shard with three or five replicas, of which the leader has more to do; some cannot lead. */
const observedShard = fc
  .record({
    nodes: fc.shuffledSubarray(NODES, { minLength: 3, maxLength: 5 }),
    leads: fc.nat(2),
    following: fc.double({ min: 0, max: 30, noNaN: true }),
    leading: fc.double({ min: 0, max: 60, noNaN: true }),
    silent: fc.nat(9),
  })
  .map(({ nodes, leads, following, leading, silent }) => ({
    leader: nodes[leads] ?? "",
    replicas: nodes.map((node, i) => ({
      ...IDLE,
      node,
      reachable: i === leads || i !== silent,
      load: { cpuPercent: i === leads ? following + leading : following },
    })),
  }));

const observedShards = fc
  .array(observedShard, { minLength: 1, maxLength: 12 })
  .map((shards) => shards.map((one, i): ObservedShard => ({ ...one, name: `shard-${i}` })));

const squares = ({ loads }: LeaderPlacement): number =>
  [...loads.values()].reduce((sum, load) => sum + load * load, 0);
const highest = ({ loads }: LeaderPlacement): number => Math.max(...loads.values());
const leadersOf = (placement: LeaderPlacement, moves: readonly LeaderMove[]) =>
  moves.reduce(afterMove, placement).shards.map(({ leader }) => leader);

describe("moving leaders", () => {
  it("comes to an end, and every move on the way makes the nodes more alike", () => {
    fc.assert(
      fc.property(observedShards, (shards) => {
        let placement = observeLeaders(shards);
        for (const move of planLeaderMoves(placement)) {
          const after = afterMove(placement, move);
          expect(squares(after)).to.be.lessThan(squares(placement));
          expect(highest(after)).to.be.at.most(highest(placement) + 1e-6);
          placement = after;
        }
        expect(nextLeaderMove(placement)).to.equal(undefined);
      }),
    );
  });

  it("does not undo itself where all that it measures is off by a twentieth, either way", () => {
    const off = fc.double({ min: 0.95, max: 1.05, noNaN: true });
    fc.assert(
      fc.property(observedShards, fc.array(off, { minLength: 80, maxLength: 80 }), (shards, by) => {
        const move = nextLeaderMove(observeLeaders(shards));
        if (move === undefined) return;
        const after = afterMove(observeLeaders(shards), move);
        const trembling = {
          loads: new Map([...after.loads].map(([node, load], i) => [node, load * (by[i] ?? 1)])),
          shards: after.shards.map((one, i) => ({
            ...one,
            weight: one.weight * (by[i + 10] ?? 1),
          })),
        };
        const back = nextLeaderMove({
          ...trembling,
          shards: trembling.shards.filter(({ name }) => name === move.shard),
        });
        expect(back?.to).not.to.equal(move.from);
      }),
    );
  });

  it("gives a shard only to a node that could lead it", () => {
    fc.assert(
      fc.property(observedShards, fc.constantFrom(...NODES), (shards, drained) => {
        for (const { shard: name, to } of planLeaderMoves(
          observeLeaders(shards, new Set([drained])),
        )) {
          const target = shards
            .find((one) => one.name === name)
            ?.replicas.find(({ node }) => node === to);
          expect(target?.reachable).to.equal(true);
          expect(to).not.to.equal(drained);
        }
      }),
    );
  });

  it("takes everything from a node that is drained which another can lead", () => {
    const placement = observeLeaders(
      [shard("a", "node-1"), shard("b", "node-1"), shard("c", "node-2")],
      new Set(["node-1"]),
    );
    const leaders = leadersOf(placement, planLeaderMoves(placement));
    expect(leaders).not.to.include("node-1");
    expect(new Set(leaders)).to.deep.equal(new Set(["node-2", "node-3"]));
  });

  it("spreads the leaders of an idle cluster, with as few moves as it takes", () => {
    const placement = observeLeaders(
      ["a", "b", "c", "d", "e"].map((name) => shard(name, "node-1")),
    );
    const moves = planLeaderMoves(placement);
    const leaders = leadersOf(placement, moves);
    const led = NODES.slice(0, 3).map((node) => leaders.filter((one) => one === node).length);
    expect(led.sort((a, b) => a - b)).to.deep.equal([1, 2, 2]);
    expect(moves).to.have.length(3);
  });

  it("leaves leaders where they are who are spread already", () => {
    const shards = ["a", "b", "c", "d"].map((name, i) => shard(name, NODES[i % 3] ?? ""));
    expect(nextLeaderMove(observeLeaders(shards))).to.equal(undefined);
  });

  it("gives the busiest shard a node of its own", () => {
    const busy = (name: string, cpuPercent: number): ObservedShard => ({
      ...shard(name, "node-1"),
      replicas: NODES.slice(0, 3).map((node) => ({
        ...IDLE,
        node,
        load: { cpuPercent: node === "node-1" ? cpuPercent : 0 },
      })),
    });
    const placement = observeLeaders([busy("hot", 60), busy("warm", 20), busy("cool", 15)]);
    const [hot, ...others] = leadersOf(placement, planLeaderMoves(placement));
    expect(others).not.to.include(hot);
  });

  it("waits with a shard that nobody leads", () => {
    const shards = [shard("a", ""), shard("b", "node-1"), shard("c", "node-2")];
    expect(nextLeaderMove(observeLeaders(shards))).to.equal(undefined);
  });
});
