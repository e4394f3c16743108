import { create } from "@bufbuild/protobuf";
import type { Client, ClientDuplexStream } from "@grpc/grpc-js";
import { expect } from "chai";
import {
  AddLearnerRequestSchema,
  ClusterService,
  RemoveReplicaRequestSchema,
  ReplaceReplicaRequestSchema,
  TransferLeaderRequestSchema,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import { AppendEntriesRequestSchema, RaftService } from "../../gen/cabildo/raft/v1/raft_pb.js";
import {
  ExecuteRequestSchema,
  ShardService,
  type ExecuteRequest,
  type ExecuteResponse,
} from "../../gen/cabildo/shard/v1/shard_pb.js";
import { openRpcServer } from "../../src/node/index.js";
import type { ReplicaHandle } from "../../src/runtime/index.js";
import { serviceDefinition, type RpcMethod } from "../../src/wire/index.js";
import { createTestAuthority, type TestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { callUnary, dialNode, refusalOf } from "../support/node-caller.js";
import { CLUSTER, openNode, RANGE_MAP, type ClusterNode } from "../support/node-cluster.js";
import { getQuery } from "../support/register-machine.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const CLUSTER_SERVICE = serviceDefinition(ClusterService);
const SHARD = serviceDefinition(ShardService);
const RAFT = serviceDefinition(RaftService);
const GROUPS = 1;
const USERS = 2;
const NO_MEMBER = /^7 PERMISSION_DENIED: node-\d is no member/u;

describe("a node that was taken out", function () {
  this.timeout(30_000);
  let authority: TestAuthority;
  let group: RuntimeCluster;
  let nodes: readonly ClusterNode<ReplicaHandle>[] = [];
  const clients: Client[] = [];

  before(async () => {
    authority = await createTestAuthority();
  });

  beforeEach(async () => {
    group = await RuntimeCluster.start();
    await group.startNode("node-4");
    for (const shard of [GROUPS, USERS]) {
      // A leader that was just elected changes nobody's place before it has applied something.
      await group.set(shard, "k", "v");
      await group.join("node-4", shard);
    }
    const directory = group.nodes.map((name) => ({
      name,
      address: "",
      replicas: [group.replica(name, GROUPS), group.replica(name, USERS)],
    }));
    const serving = [];
    for (const entry of directory) {
      const tls = await authority.process(CLUSTER, "node", entry.name);
      const removed = group.removed.get(entry.name);
      serving.push(await openNode(entry, directory, tls, RANGE_MAP, removed));
    }
    nodes = serving;
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await Promise.all(nodes.map((node) => node.kill()));
    await group.stop();
    expect(group.failures).to.deep.equal([]);
  });

  const dial = async (role: string, name: string, node: string): Promise<Client> => {
    const tls = await authority.process(CLUSTER, role, name);
    const address = nodes.find((one) => one.name === node)?.address ?? "";
    const client = dialNode(tls, address, node);
    clients.push(client);
    return client;
  };

  const byOperator = async <Request, Response>(
    shard: number,
    method: RpcMethod<Request, Response>,
    request: Request,
  ): Promise<void> => {
    // Who leads and is to go hands over first.
    await eventually(async () => {
      const { node } = await group.leader(shard);
      return (
        (await refusalOf(callUnary(await dial("operator", "eve", node), method, request))) ===
        "answered"
      );
    });
  };

  /** A stream of calls that the node has answered once. */
  const execute = async (name: string, node: string) => {
    const { path, requestSerialize, responseDeserialize } = SHARD.execute;
    const client = await dial("node", name, node);
    const stream: ClientDuplexStream<ExecuteRequest, ExecuteResponse> =
      client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const heard: string[] = [];
    stream.on("data", () => heard.push("answered"));
    stream.on("error", (error) => heard.push(error.message));
    const query = getQuery("k");
    const read = { query, minSequence: 0n, maxStalenessMs: 10_000 };
    const operation = { case: "read", value: read } as const;
    const one = { id: 1n, shard: GROUPS, rangeVersion: 7n, timeoutMs: 5000, operation };
    stream.write(create(ExecuteRequestSchema, { calls: [one] }));
    await eventually(() => heard.length > 0);
    return heard;
  };

  const directoryWithout = (name: string) =>
    ["node-1", "node-2", "node-3"].filter((other) => other !== name);

  /** All that is left has applied it. */
  const known = (name: string, of: readonly string[]) =>
    eventually(() => of.every((node) => group.removed.get(node)?.has(name) === true), {
      what: `${name} to be known as taken out`,
    });

  it("is refused although its certificate is valid, on streams that are open, too", async () => {
    const open = await execute("node-4", "node-2");
    expect(open).to.deep.equal(["answered"]);
    for (const [shard, number] of [
      ["groups", GROUPS],
      ["users", USERS],
    ] as const) {
      const request = create(RemoveReplicaRequestSchema, { shard, node: "node-4" });
      await byOperator(number, CLUSTER_SERVICE.removeReplica, request);
    }
    await known("node-4", ["node-1", "node-2", "node-3"]);
    await eventually(() => open.some((text) => NO_MEMBER.test(text)));
    for (const node of ["node-1", "node-2", "node-3"]) {
      const [refusal] = await execute("node-4", node);
      expect(refusal).to.match(NO_MEMBER);
      const client = await dial("node", "node-4", node);
      const learner = { shard: "groups", node: "node-4", address: "a:1", storeId: "s" };
      const join = create(AddLearnerRequestSchema, { ...learner, featureLevel: 9 });
      expect(await refusalOf(callUnary(client, CLUSTER_SERVICE.addLearner, join))).to.match(
        NO_MEMBER,
      );
      const transfer = create(TransferLeaderRequestSchema, { shard: "groups" });
      expect(await refusalOf(callUnary(client, CLUSTER_SERVICE.transferLeader, transfer))).to.match(
        NO_MEMBER,
      );
    }
    // What was applied is on the disk.
    await group.stopNode("node-2");
    await group.startNode("node-2");
    await known("node-4", ["node-2"]);
  });

  it("is known as such though the leader died that put another in its place, and who asked asks again", async () => {
    const { node: leader, replica } = await group.leader(GROUPS);
    const gone = directoryWithout(leader)[0] ?? "";
    const change = replica.changeMembership.bind(replica);
    replica.changeMembership = async (...asked) => {
      const changed = await change(...asked);
      group.crashNode(leader);
      return changed;
    };
    const request = create(ReplaceReplicaRequestSchema, {
      ...{ shard: "groups", node: gone, byNode: "node-4" },
    });
    const method = CLUSTER_SERVICE.replaceReplica;
    await refusalOf(callUnary(await dial("operator", "eve", leader), method, request));
    const left = [...directoryWithout(leader).filter((name) => name !== gone), "node-4"];
    await known(gone, left);
    await byOperator(GROUPS, method, request);
    const voters = (await group.leader(GROUPS)).replica.status().members.map(({ node }) => node);
    expect(voters).to.have.members([leader, ...left]);
    // Of whom the shard never heard there is nothing to be done again.
    const next = (await group.leader(GROUPS)).node;
    const other = create(ReplaceReplicaRequestSchema, { ...request, node: "node-9" });
    expect(await refusalOf(callUnary(await dial("operator", "eve", next), method, other))).to.match(
      /NOT_FOUND: node-9 has no replica in groups/u,
    );
  });

  it("is heard where it is in another shard still", async () => {
    const request = create(ReplaceReplicaRequestSchema, {
      ...{ shard: "groups", node: "node-3", byNode: "node-4" },
    });
    await byOperator(GROUPS, CLUSTER_SERVICE.replaceReplica, request);
    await known("node-3", ["node-1", "node-2", "node-4"]);
    const { replica } = await group.leader(GROUPS);
    const voters = replica.status().members.map(({ node }) => node);
    expect(voters).to.have.members(["node-1", "node-2", "node-4"]);
    expect(await execute("node-3", "node-1")).to.deep.equal(["answered"]);
  });
});

describe("the Raft of a node that was taken out", () => {
  it("is heard until then, and no longer", async () => {
    const authority = await createTestAuthority();
    const tls = await authority.process(CLUSTER, "node", "node-1");
    const removed = new Set<string>();
    let received = 0;
    const service = {
      appendEntries: (stream: NodeJS.EventEmitter) => {
        stream.on("data", () => received++);
        stream.on("error", () => undefined);
      },
    };
    const server = await openRpcServer({
      address: "127.0.0.1:0",
      tls,
      removed: {
        get some() {
          return removed.size > 0;
        },
        has: (node) => removed.has(node),
      },
      services: [
        {
          addTo: (to) => to.addService({ appendEntries: RAFT.appendEntries }, { ...service }),
        },
      ],
    });
    const own = await authority.process(CLUSTER, "node", "node-2");
    const client = dialNode(own, `127.0.0.1:${server.port}`, "node-1");
    const { path, requestSerialize, responseDeserialize } = RAFT.appendEntries;
    const open = () => client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const frame = create(AppendEntriesRequestSchema);
    const ended: string[] = [];
    const first = open();
    first.on("error", (error) => ended.push(error.message));
    first.write(frame);
    await eventually(() => received === 1);
    removed.add("node-3");
    first.write(frame);
    await eventually(() => received === 2);
    removed.add("node-2");
    first.write(frame);
    await eventually(() => ended.length === 1);
    const second = open();
    second.on("error", (error) => ended.push(error.message));
    second.write(frame);
    await eventually(() => ended.length === 2);
    expect(
      ended.every((text) => NO_MEMBER.test(text)),
      ended.join(),
    ).to.equal(true);
    expect(received).to.equal(2);
    client.close();
    await server.close();
  });
});
