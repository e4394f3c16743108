import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { UpCluster } from "../support/up-cluster.js";

const GROUPS = 5;

describe("what one shard has for another, in a running cluster", function () {
  this.timeout(180_000);
  let cluster: UpCluster;

  before(async () => {
    cluster = await UpCluster.start();
  });
  after(async () => {
    await cluster.stop();
  });

  it("arrives although who leads the shard that sends it, and then the one that takes it, is killed", async () => {
    const ana = await cluster.person("ana");
    const bob = await cluster.person("bob");
    const names = Array.from({ length: GROUPS }, (_, n) => `groups/choir-${n}`);
    for (const [n, parent] of names.entries()) {
      await ana.groups.createGroup({ groupId: `choir-${n}`, group: { displayName: `Choir ${n}` } });
      await ana.groups.addMember({ parent, member: { user: "users/bob" } });
    }
    const leaderOf = async (shard: string): Promise<string> =>
      (await cluster.healthy()).shards.find(({ name }) => name === shard)?.leader ?? "";

    await bob.users.deleteUser({ name: "users/bob" });
    await cluster.kill(await leaderOf("users"));
    await cluster.kill(await leaderOf("groups"));

    const membersOf = async (parent: string): Promise<readonly string[]> =>
      (await ana.groups.listMembers({ parent })).members.map(({ user }) => user);
    for (const parent of names) {
      const members = await eventually(
        async () => {
          const users = await membersOf(parent);
          return users.includes("users/bob") ? undefined : users;
        },
        { what: `bob to be gone from ${parent}` },
      );
      expect(members).to.deep.equal(["users/ana"]);
    }
    await cluster.healthy();
  });
});
