import { begin, conclude, end } from "../support/failover-story.js";
import { UpCluster } from "../support/up-cluster.js";

const ROUNDS = 4;

describe("a cluster with one replica a node, while people write and listen", function () {
  this.timeout(600_000);

  it(`survives the death of one node of every shard at once, ${ROUNDS} times`, async () => {
    const story = await begin(await UpCluster.start({ layout: "seed" }));
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const status = await story.cluster.healthy();
        const victims = status.shards
          .filter(({ name }) => name !== "system")
          .map(({ name, leader }) => (round % 2 === 0 ? leader : followerOf(name, leader, round)));
        await Promise.all(victims.map((name) => story.cluster.kill(name)));
      }
      await conclude(story);
    } finally {
      await end(story);
    }
  });
});

function followerOf(shard: string, leader: string, round: number): string {
  const followers = [1, 2, 3].map((n) => `${shard}-${n}`).filter((name) => name !== leader);
  return followers[round % followers.length] ?? leader;
}
