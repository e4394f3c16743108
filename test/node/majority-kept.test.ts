import { create } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";
import { expect } from "chai";
import {
  ClusterService,
  PromoteLearnerRequestSchema,
  RemoveReplicaRequestSchema,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import type { ReplicaHandle } from "../../src/runtime/index.js";
import { serviceDefinition } from "../../src/wire/index.js";
import { createTestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { callUnary, dialNode, refusalOf } from "../support/node-caller.js";
import { CLUSTER, openNode, RANGE_MAP, type ClusterNode } from "../support/node-cluster.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const { promoteLearner, removeReplica } = serviceDefinition(ClusterService);
const GROUPS = 1;
const SHARD = "groups";
const ALIVE = ["node-1", "node-2"];
const DEAD = "node-3";
const LEARNER = "node-4";
const NO_MAJORITY = /^9 FAILED_PRECONDITION: no majority of groups would answer/u;
const NOT_LEADER = /does not lead/u;

describe("a shard of three with one dead, and a learner that is dead too", function () {
  this.timeout(30_000);
  let group: RuntimeCluster;
  const nodes = new Map<string, ClusterNode<ReplicaHandle>>();
  const clients = new Map<string, Client>();

  before(async () => {
    const authority = await createTestAuthority();
    group = await RuntimeCluster.start();
    await group.startNode(LEARNER);
    await group.set(GROUPS, "k", "v");
    await group.join(LEARNER, GROUPS);
    for (const name of [DEAD, LEARNER]) await group.stopNode(name);
    const operator = await authority.process(CLUSTER, "operator", "eve");
    for (const name of ALIVE) {
      const entry = { name, address: "", replicas: [group.replica(name, GROUPS)] };
      const tls = await authority.process(CLUSTER, "node", name);
      const node = await openNode(entry, [entry], tls, RANGE_MAP, new Set());
      nodes.set(name, node);
      clients.set(name, dialNode(operator, node.address, name));
    }
  });

  after(async () => {
    for (const client of clients.values()) client.close();
    await Promise.all([...nodes.values()].map((node) => node.kill()));
    await group.stop();
  });

  /** What the leader says, once it has noticed who is silent. */
  const asked = (ask: (leader: Client, other: string) => Promise<unknown>): Promise<string> =>
    eventually(
      async () => {
        const { node, replica } = await group.leader(GROUPS);
        const [client, other] = [clients.get(node), ALIVE.find((name) => name !== node)];
        const active = replica.status().followers.filter((one) => one.active);
        if (client === undefined || other === undefined) return undefined;
        if (active.length !== 1 || active[0]?.node !== other) return undefined;
        const said = await refusalOf(ask(client, other));
        return NOT_LEADER.test(said) ? undefined : said;
      },
      { what: "a leader that answers" },
    );
  const voters = async () =>
    (await group.leader(GROUPS)).replica.status().members.filter(({ learner }) => !learner).length;

  it("does not let the other one that answers be taken out", async () => {
    const said = await asked((leader, node) =>
      callUnary(leader, removeReplica, create(RemoveReplicaRequestSchema, { shard: SHARD, node })),
    );
    expect(said).to.match(NO_MAJORITY);
    expect(await voters()).to.equal(3);
  });

  it("does not give the silent learner a vote", async () => {
    const request = create(PromoteLearnerRequestSchema, { shard: SHARD, node: LEARNER });
    const said = await asked((leader) => callUnary(leader, promoteLearner, request));
    expect(said).to.match(NO_MAJORITY);
    expect(await voters()).to.equal(3);
  });

  it("lets the dead one be taken out", async () => {
    const request = create(RemoveReplicaRequestSchema, { shard: SHARD, node: DEAD });
    const said = await asked((leader) => callUnary(leader, removeReplica, request));
    expect(said).to.equal("answered");
    expect(await voters()).to.equal(2);
  });
});
