import { begin, conclude, end } from "../support/failover-story.js";
import { UpCluster } from "../support/up-cluster.js";

const ROUNDS = 20;

describe("a cluster with every shard on each of three nodes, while people write and listen", function () {
  this.timeout(600_000);

  it(`loses nothing, repeats nothing and refuses nothing over ${ROUNDS} kills`, async () => {
    const story = await begin(await UpCluster.start({ layout: "compact" }));
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const status = await story.cluster.healthy();
        const leaders = new Set(status.shards.map(({ leader }) => leader));
        const nodes = story.cluster.current().nodes.map(({ name }) => name);
        // Every second round a node that leads something dies; else one that leads least.
        const victim =
          round % 2 === 0
            ? [...leaders][round % leaders.size]
            : (nodes.find((name) => !leaders.has(name)) ?? nodes[round % nodes.length]);
        await story.cluster.kill(victim ?? "node-1");
      }
      await conclude(story);
    } finally {
      await end(story);
    }
  });
});
