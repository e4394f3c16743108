import { expect } from "chai";
import { eventually } from "../../support/eventually.js";
import type { UpCluster } from "../../support/up-cluster.js";

const GROUPS = 5;

export function deliveryBetweenShards(running: () => UpCluster): void {
  describe("what one shard has for another, in a running cluster", function () {
    this.timeout(180_000);
    let cluster: UpCluster;

    before(() => {
      cluster = running();
    });

    it("arrives although who leads the shard that sends it, and then the one that takes it, is killed", async () => {
      const ada = await cluster.person("ada");
      const bob = await cluster.person("bob");
      const names = Array.from({ length: GROUPS }, (_, n) => `groups/choir-${n}`);
      for (const [n, parent] of names.entries()) {
        await ada.groups.createGroup({
          groupId: `choir-${n}`,
          group: { displayName: `Choir ${n}` },
        });
        await ada.groups.addMember({ parent, member: { user: "users/bob" } });
      }
      const leaderOf = async (shard: string): Promise<string> =>
        (await cluster.healthy()).shards.find(({ name }) => name === shard)?.leader ?? "";

      await bob.users.deleteUser({ name: "users/bob" });
      await cluster.kill(await leaderOf("users"));
      await cluster.kill(await leaderOf("groups"));

      const membersOf = async (parent: string): Promise<readonly string[]> =>
        (await ada.groups.listMembers({ parent })).members.map(({ user }) => user);
      for (const parent of names) {
        const members = await eventually(
          async () => {
            const users = await membersOf(parent);
            return users.includes("users/bob") ? undefined : users;
          },
          { what: `bob to be gone from ${parent}` },
        );
        expect(members).to.deep.equal(["users/ada"]);
      }
      await cluster.healthy();
    });
  });
}
