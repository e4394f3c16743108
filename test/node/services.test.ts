import { expect } from "chai";
import type { Client } from "@grpc/grpc-js";
import { create, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  AuditService,
  ClusterService,
  ExplainRouteRequestSchema,
  GetStateHashRequestSchema,
  GetStatusRequestSchema,
  HoldDeliveriesRequestSchema,
  RouteService,
  ListAuditCheckpointsRequestSchema,
  ListAuditEntriesRequestSchema,
  ReadBackupRequestSchema,
  TransferLeaderRequestSchema,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import {
  ExecuteRequestSchema,
  ShardService,
  StatusRequestSchema,
  type ExecuteResponse,
} from "../../gen/cabildo/shard/v1/shard_pb.js";
import {
  Health,
  HealthCheckRequestSchema,
  HealthListRequestSchema,
  type HealthCheckResponse,
} from "../../gen/grpc/health/v1/health_pb.js";
import {
  ServerReflection,
  ServerReflectionRequestSchema,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { serviceDefinition } from "../../src/wire/index.js";
import { createTestAuthority, type TestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { callUnary, dialNode, refusalOf } from "../support/node-caller.js";
import { CLUSTER, openNodeCluster, RANGE_MAP, type NodeCluster } from "../support/node-cluster.js";

const CLUSTER_SERVICE = serviceDefinition(ClusterService);
const ROUTES = serviceDefinition(RouteService);
const AUDIT = serviceDefinition(AuditService);
const SHARD = serviceDefinition(ShardService);
const HEALTH = serviceDefinition(Health);

describe("a node's services", () => {
  let authority: TestAuthority;
  let cluster: NodeCluster;
  const clients: Client[] = [];

  before(async () => {
    authority = await createTestAuthority();
  });

  beforeEach(async () => {
    cluster = await openNodeCluster(authority);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await cluster.close();
  });

  const dial = async (role: string, node = "node-1"): Promise<Client> => {
    const tls = await authority.process(CLUSTER, role, `${role}-1`);
    const client = dialNode(tls, cluster.node(node).address, node);
    clients.push(client);
    return client;
  };

  describe("for operators", () => {
    it("tell every shard as all nodes see it, and who did not answer", async () => {
      cluster.shards[1]?.append(new Uint8Array(1));
      await cluster.node("node-3").kill();
      const operator = await dial("operator", "node-2");
      const status = await callUnary(
        operator,
        CLUSTER_SERVICE.getStatus,
        create(GetStatusRequestSchema),
      );
      expect(status.clusterId).to.equal("cluster-id");
      expect(status.unreachable).to.deep.equal(["node-3"]);
      expect(status.rangeVersion).to.equal(7n);
      expect(status.shards.map(({ name, leader }) => [name, leader])).to.deep.equal([
        ["groups", "node-1"],
        ["users", "node-1"],
      ]);
      const [, users] = status.shards;
      expect(users?.sequence).to.equal(1n);
      expect(
        users?.replicas.map(({ node, role, reachable }) => [node, role, reachable]),
      ).to.deep.equal([
        ["node-1", "leader", true],
        ["node-2", "follower", true],
        ["node-3", "", false],
      ]);
    });

    it("tell what each replica has to do", async () => {
      const { replicas } = cluster.node("node-2");
      const load = { requestsPerSecond: 12.5, bytesPerSecond: 800, cpuPercent: 3 };
      for (const replica of replicas) replica.load = { ...replica.load, ...load };
      const { shards } = await callUnary(
        await dial("operator"),
        CLUSTER_SERVICE.getStatus,
        create(GetStatusRequestSchema),
      );
      for (const { replicas: told } of shards) {
        expect(told.find(({ node }) => node === "node-2")?.load).to.deep.include(load);
        expect(told.find(({ node }) => node === "node-1")?.load?.cpuPercent).to.equal(0);
      }
    });

    it("hold deliveries for no longer than the contract says", async () => {
      const hold = async (forMs: number) =>
        callUnary(
          await dial("operator"),
          CLUSTER_SERVICE.holdDeliveries,
          create(HoldDeliveriesRequestSchema, { forMs }),
        );
      expect((await hold(30_000)).hold).to.equal("1");
      expect(await refusalOf(hold(2 ** 31))).to.match(/^3 INVALID_ARGUMENT/u);
    });

    it("explain which shard owns a name and who leads it", async () => {
      const operator = await dial("operator");
      const explain = (name: string) =>
        callUnary(operator, ROUTES.explainRoute, create(ExplainRouteRequestSchema, { name }));
      expect(await explain("groups/choir")).to.deep.include({
        shard: "groups",
        leader: "node-1",
        rangeVersion: 7n,
      });
      expect(await refusalOf(explain("nonsense"))).to.match(/^3 INVALID_ARGUMENT/u);
    });

    it("hand leadership on from whatever node is asked", async () => {
      const transfer = async (node: string, toNode: string) => {
        const request = create(TransferLeaderRequestSchema, { shard: "groups", toNode });
        return callUnary(await dial("operator", node), CLUSTER_SERVICE.transferLeader, request);
      };
      expect((await transfer("node-1", "node-3")).leader).to.equal("node-3");
      expect((await transfer("node-2", "node-2")).leader).to.equal("node-2");
      expect(cluster.shards[0]?.leader).to.equal("node-2");
      expect(await refusalOf(transfer("node-1", "node-9"))).to.match(/^3 INVALID_ARGUMENT/u);
    });

    it("do not pass an order on twice", async () => {
      const request = create(TransferLeaderRequestSchema, { shard: "groups" });
      const node = await dial("node", "node-2");
      const refusal = await refusalOf(callUnary(node, CLUSTER_SERVICE.transferLeader, request));
      expect(refusal).to.match(/^9 FAILED_PRECONDITION.*ask node-1/u);
    });

    it("write who does something into the audit trail before it is done", async () => {
      const request = create(TransferLeaderRequestSchema, { shard: "groups", toNode: "node-9" });
      const { transferLeader } = CLUSTER_SERVICE;
      await refusalOf(callUnary(await dial("operator"), transferLeader, request));
      await refusalOf(callUnary(await dial("fanout"), transferLeader, request));
      const said = {
        action: "cluster.transfer-leader",
        object: "shards/groups",
        detail: "to node-9",
        origin: "127.0.0.1",
      };
      expect(cluster.node("node-1").audited).to.deep.equal([
        { ...said, subject: "operators/operator-1", decision: "allow" },
        { ...said, subject: "fanouts/fanout-1", decision: "permission-denied" },
      ]);
    });

    it("write into the audit trail who copies a shard", async () => {
      const { readBackup } = CLUSTER_SERVICE;
      const copy = (client: Client): Promise<string> => {
        const { path, requestSerialize, responseDeserialize } = readBackup;
        const request = create(ReadBackupRequestSchema, { shard: "nowhere" });
        const stream = client.makeServerStreamRequest(
          ...([path, requestSerialize, responseDeserialize, request] as const),
        );
        return new Promise((resolve) => {
          stream.on("error", ({ message }) => resolve(message));
        });
      };
      expect(await copy(await dial("operator"))).to.match(/^5 NOT_FOUND/u);
      expect(await copy(await dial("auditor"))).to.match(/^7 PERMISSION_DENIED/u);
      const said = { action: "cluster.backup", object: "shards/nowhere", detail: "copy" };
      const from = { ...said, origin: "127.0.0.1" };
      expect(cluster.node("node-1").audited).to.deep.equal([
        { ...from, subject: "operators/operator-1", decision: "allow" },
        { ...from, subject: "auditors/auditor-1", decision: "permission-denied" },
      ]);
    });

    it("write into the audit trail who was not let look, and not who was", async () => {
      const { getStatus, getStateHash } = CLUSTER_SERVICE;
      const ofUsers = { shard: "users" };
      for (const role of ["operator", "coordinator"]) {
        const client = await dial(role);
        const looks = [
          callUnary(client, getStatus, create(GetStatusRequestSchema)),
          callUnary(client, getStateHash, create(GetStateHashRequestSchema, ofUsers)),
          callUnary(
            client,
            ROUTES.explainRoute,
            create(ExplainRouteRequestSchema, { name: "users/ana" }),
          ),
          callUnary(client, AUDIT.listAuditEntries, create(ListAuditEntriesRequestSchema, ofUsers)),
          callUnary(
            client,
            AUDIT.listAuditCheckpoints,
            create(ListAuditCheckpointsRequestSchema, ofUsers),
          ),
        ];
        await Promise.all(looks.map(refusalOf));
      }
      const { audited } = cluster.node("node-1");
      expect(audited.map(({ action, object }) => `${action} ${object}`)).to.have.members([
        "cluster.status cluster/status",
        "cluster.status shards/users",
        "cluster.status users/ana",
        "audit.list shards/users",
        "audit.list shards/users",
      ]);
      for (const { subject, decision } of audited) {
        expect([subject, decision]).to.deep.equal([
          "coordinators/coordinator-1",
          "permission-denied",
        ]);
      }
    });

    it("write into the audit trail who would have acted as a coordinator, or listened", async () => {
      const client = await dial("operator");
      for (const { path } of [SHARD.execute, SHARD.changes]) {
        const asIs = (bytes: Buffer): Buffer => bytes;
        const stream = client.makeBidiStreamRequest(path, asIs, asIs);
        stream.end(Buffer.alloc(0));
        await new Promise((resolve) => stream.on("error", resolve));
      }
      const { audited } = cluster.node("node-1");
      expect(audited.map(({ action, subject }) => `${action} ${subject}`)).to.deep.equal([
        "shard.execute operators/operator-1",
        "shard.follow operators/operator-1",
      ]);
    });

    it("let auditors read the audit trail, and do nothing else", async () => {
      const { listAuditEntries } = AUDIT;
      const request = create(ListAuditEntriesRequestSchema, { shard: "nowhere" });
      for (const role of ["auditor", "operator"]) {
        const refusal = await refusalOf(callUnary(await dial(role), listAuditEntries, request));
        expect(refusal).to.match(/^5 NOT_FOUND.*no shard nowhere/u);
      }
      const status = create(GetStatusRequestSchema);
      const byAuditor = callUnary(await dial("auditor"), CLUSTER_SERVICE.getStatus, status);
      expect(await refusalOf(byAuditor)).to.match(/^7 PERMISSION_DENIED/u);
      const byCoordinator = callUnary(await dial("coordinator"), listAuditEntries, request);
      expect(await refusalOf(byCoordinator)).to.match(/^7 PERMISSION_DENIED/u);
    });

    for (const role of ["coordinator", "fanout", "node"]) {
      it(`are denied to a certificate of role ${role}`, async () => {
        const client = await dial(role);
        const request = create(GetStatusRequestSchema);
        expect(await refusalOf(callUnary(client, CLUSTER_SERVICE.getStatus, request))).to.match(
          /^7 PERMISSION_DENIED/u,
        );
      });
    }
  });

  describe("for other processes", () => {
    it("tell what the node's replicas know", async () => {
      const client = await dial("coordinator", "node-2");
      const status = await callUnary(client, SHARD.status, create(StatusRequestSchema));
      expect(status).to.deep.include({ node: "node-2", storeId: "node-2-store", boot: 2n });
      expect(status.replicas.map(({ shardName, role }) => [shardName, role])).to.deep.equal([
        ["groups", "follower"],
        ["users", "follower"],
      ]);
    });

    const execute = (client: Client, frames: readonly Buffer[]) => {
      const asIs = (sent: Buffer) => sent;
      const { path, responseDeserialize } = SHARD.execute;
      const stream = client.makeBidiStreamRequest(path, asIs, responseDeserialize);
      for (const frame of frames) stream.write(frame);
      return new Promise<ExecuteResponse | string>((resolve) => {
        stream.on("data", (response: ExecuteResponse) => resolve(response));
        stream.on("error", (error) => resolve(error.message));
      });
    };

    const frameOf = (call: object) =>
      SHARD.execute.requestSerialize(create(ExecuteRequestSchema, { calls: [call] }));

    it("answer a call by another range map with the version of ours", async () => {
      const operation = { case: "command", value: new Uint8Array(1) };
      const client = await dial("coordinator");
      const frame = frameOf({ id: 4n, shard: 1, rangeVersion: 8n, timeoutMs: 100, operation });
      const response = await execute(client, [frame]);
      if (typeof response === "string") throw new Error(response);
      const [reply] = response.replies;
      expect(reply?.id).to.equal(4n);
      expect(reply?.outcome.value).to.deep.include({
        code: "wrong-shard",
        notApplied: true,
        rangeVersion: BigInt(RANGE_MAP.version),
      });
    });

    it("end a stream that carries no protobuf, or a call without an operation", async () => {
      const client = await dial("coordinator");
      const junk = Buffer.from([0xff, 0xff, 0xff]);
      expect(await execute(client, [junk])).to.match(/^3 INVALID_ARGUMENT/u);
      expect(await execute(client, [frameOf({ id: 1n })])).to.match(/^3 INVALID_ARGUMENT/u);
    });

    it("bound the calls that are open on a stream", async () => {
      for (const replica of cluster.node("node-1").replicas) {
        replica.intercept = () => new Promise(() => undefined);
      }
      const client = await dial("coordinator");
      const operation = { case: "command", value: new Uint8Array(1) };
      const calls = Array.from({ length: 4097 }, (_, i) => ({
        id: BigInt(i + 1),
        shard: 1,
        rangeVersion: 7n,
        timeoutMs: 60_000,
        operation,
      }));
      const response = await execute(client, calls.map(frameOf));
      if (typeof response === "string") throw new Error(response);
      expect(response.replies.map(({ id }) => id)).to.deep.equal([4097n]);
      expect(response.replies[0]?.outcome.value).to.deep.include({ code: "overloaded" });
    });
  });

  describe("for health checks", () => {
    const check = (client: Client, service: string) =>
      callUnary(client, HEALTH.check, create(HealthCheckRequestSchema, { service }));

    it("say of a shard whether its replica knows a leader", async () => {
      const client = await dial("fanout");
      expect((await check(client, "")).status).to.equal(1);
      expect((await check(client, "shard/groups")).status).to.equal(1);
      const [groups] = cluster.shards;
      if (groups !== undefined) groups.leader = "";
      expect((await check(client, "shard/groups")).status).to.equal(2);
      expect(await refusalOf(check(client, "shard/none"))).to.match(/^5 NOT_FOUND/u);
      const all = await callUnary(client, HEALTH.list, create(HealthListRequestSchema));
      expect(Object.keys(all.statuses)).to.include.members(["", "shard/groups", "shard/users"]);
    });

    it("tell a watcher of each change, and of the end", async () => {
      const client = await dial("operator");
      const { path, requestSerialize, responseDeserialize } = HEALTH.watch;
      const request = create(HealthCheckRequestSchema, { service: "shard/users" });
      const seen: number[] = [];
      const stream = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
      );
      stream.on("data", ({ status }: HealthCheckResponse) => seen.push(status));
      stream.on("error", () => undefined);
      await eventually(() => seen.length === 1);
      const [, users] = cluster.shards;
      if (users !== undefined) users.leader = "";
      await eventually(() => seen.length === 2);
      expect(seen).to.deep.equal([1, 2]);
    });
  });

  describe("for grpcurl", () => {
    type Question = ServerReflectionRequest["messageRequest"];

    for (const service of [ServerReflection, ServerReflectionAlpha]) {
      it(`describe themselves by ${service.typeName}`, async () => {
        const client = await dial("operator");
        const { path } = serviceDefinition(service).serverReflectionInfo;
        const { requestSerialize, responseDeserialize } =
          serviceDefinition(ServerReflection).serverReflectionInfo;
        const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
        const answers: ServerReflectionResponse["messageResponse"][] = [];
        stream.on("data", ({ messageResponse }: ServerReflectionResponse) =>
          answers.push(messageResponse),
        );
        stream.on("error", () => undefined);
        const questions: Question[] = [
          { case: "listServices", value: "" },
          { case: "fileContainingSymbol", value: "cabildo.admin.v1.ClusterService.GetStatus" },
          { case: "fileByFilename", value: "google/protobuf/timestamp.proto" },
          { case: "allExtensionNumbersOfType", value: "google.protobuf.MethodOptions" },
          { case: "fileContainingSymbol", value: "nothing.Such" },
        ];
        for (const messageRequest of questions) {
          stream.write(create(ServerReflectionRequestSchema, { messageRequest }));
        }
        await eventually(() => answers.length === questions.length);
        stream.cancel();
        const [services, file, timestamp, extensions, none] = answers;
        if (services?.case !== "listServicesResponse") throw new Error("a list was asked for");
        expect(services.value.service.map(({ name }) => name)).to.include.members([
          "cabildo.admin.v1.ClusterService",
          "cabildo.shard.v1.ShardService",
          "grpc.health.v1.Health",
        ]);
        expect(fileNames(file)[0]).to.equal("cabildo/admin/v1/admin.proto");
        expect(fileNames(file)).to.include("cabildo/v1/options.proto");
        expect(fileNames(timestamp)).to.deep.equal(["google/protobuf/timestamp.proto"]);
        if (extensions?.case !== "allExtensionNumbersResponse") throw new Error("numbers wanted");
        expect(extensions.value.extensionNumber.length).to.be.greaterThan(0);
        if (none?.case !== "errorResponse") throw new Error("nothing has that name");
        expect(none.value.errorCode).to.equal(5);
      });
    }

    it("keep their description from others", async () => {
      const client = await dial("coordinator");
      const { path, requestSerialize, responseDeserialize } =
        serviceDefinition(ServerReflection).serverReflectionInfo;
      const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      const refusal = await new Promise<string>((resolve) => {
        stream.on("data", () => resolve("described"));
        stream.on("error", (error) => resolve(error.message));
      });
      expect(refusal).to.match(/^7 PERMISSION_DENIED/u);
    });
  });
});

function fileNames(answer: ServerReflectionResponse["messageResponse"] | undefined) {
  if (answer?.case !== "fileDescriptorResponse") throw new Error("a file was asked for");
  return answer.value.fileDescriptorProto.map(
    (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
  );
}
