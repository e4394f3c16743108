import { create } from "@bufbuild/protobuf";
import type { Server, ServerDuplexStream, ServerWritableStream } from "@grpc/grpc-js";
import {
  AddLearnerResponseSchema,
  AuditService,
  ClusterService,
  CompactLogResponseSchema,
  DrainNodeResponseSchema,
  HoldDeliveriesResponseSchema,
  JoinShardResponseSchema,
  RouteService,
  StateHashSchema,
  TransferLeaderResponseSchema,
  type AddLearnerRequest,
  type CompactLogRequest,
  type DrainNodeRequest,
  type ExplainRouteRequest,
  type GetStateHashRequest,
  type GetStatusRequest,
  type HoldDeliveriesRequest,
  type IssueResetCodeRequest,
  type JoinShardRequest,
  type PromoteLearnerRequest,
  type ReadBackupRequest,
  type RemoveReplicaRequest,
  type ReplaceReplicaRequest,
  type RotateKeysRequest,
  type TransferLeaderRequest,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import { RaftService } from "../../gen/cabildo/raft/v1/raft_pb.js";
import { ShardService } from "../../gen/cabildo/shard/v1/shard_pb.js";
import {
  Health,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
  HealthListResponseSchema,
  type HealthCheckRequest,
  type HealthCheckResponse,
} from "../../gen/grpc/health/v1/health_pb.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { ClusterError } from "../base/index.js";
import type { Action } from "../policy/index.js";
import { createReflection, isMalformed, serviceDefinition, toUint64 } from "../wire/index.js";
import { addAuditService } from "./audit-service.js";
import {
  audited,
  auditedLook,
  auditedRefusals,
  auditedStream,
  type AuditedCall,
} from "./audited.js";
import { streamBackup, type BackupCall } from "./backup-stream.js";
import { addLearner, promoteLearner, removeReplica, replaceReplica } from "./change-members.js";
import { streamChanges, type ChangesCall } from "./changes-stream.js";
import { clusterStatus } from "./cluster-status.js";
import { NodeContext, type NodeServicesOptions } from "./context.js";
import { ExecuteStream, type ExecuteCall } from "./execute-stream.js";
import { explainRoute } from "./explain-route.js";
import { guarded, guardedStream, type CallerRole } from "./guarded.js";
import { issueResetCode } from "./issue-reset-code.js";
import { joinShard } from "./join-shard.js";
import { LeaderBalancer } from "./leader-balancer.js";
import { NodeHealth } from "./node-health.js";
import { nodeStatus } from "./node-status.js";
import type { RemovedNodes } from "./refuse-removed.js";
import { requireReplica } from "./require-replica.js";
import { requireShard } from "./require-shard.js";
import { rotateKeys } from "./rotate-keys.js";
import { RpcFailure } from "./rpc-failure.js";
import { stateHash } from "./state-hash.js";
import { transferLeader } from "./transfer-leader.js";

/** Those whose word on who acts is believed: a node carries what its shards have for others, and votes anyway. */
const CALLERS: readonly CallerRole[] = ["coordinator", "fanout", "member"];
const LISTENERS: readonly CallerRole[] = ["coordinator", "fanout"];
const OPERATORS: readonly CallerRole[] = ["operator"];
const ANYONE: readonly CallerRole[] = ["node", "coordinator", "fanout", "operator"];
const HEALTH_POLL_MS = 500;

export interface NodeServices {
  addTo(server: Server): void;
  /** For the port on which Raft is. */
  readonly removed: RemovedNodes;
  /** Makes this node a learner of the shard of this name; resolves with the id of its replica. */
  joinShard(shard: string): Promise<number>;
  /** Ends the streams: callers go on elsewhere. Idempotent. */
  close(): void;
}

/** ShardService, ClusterService, health and reflection over the replicas of one node. */
export function createNodeServices(options: NodeServicesOptions): NodeServices {
  const context = new NodeContext(options);
  const { balancing } = options;
  const balancer = balancing && new LeaderBalancer(context, balancing);
  return {
    addTo: (server) => {
      addShardService(server, context);
      addClusterService(server, context);
      addAuditService(server, context);
      addRouteService(server, context);
      addHealth(server, context);
      addReflection(server, context);
    },
    removed: {
      get some() {
        return context.standing.knowsRemoved;
      },
      has: (node) => context.standing.isRemovedHere(node),
    },
    joinShard: (shard) => joinShard(context, shard),
    close: () => {
      balancer?.close();
      context.elsewhere.close();
      context.closing.abort();
    },
  };
}

function addShardService(server: Server, context: NodeContext): void {
  server.addService(serviceDefinition(ShardService), {
    execute: auditedRefusals(context, CALLERS, "shard.execute", (call: ExecuteCall) => {
      new ExecuteStream(call, context);
    }),
    changes: auditedRefusals(context, LISTENERS, "shard.follow", (call: ChangesCall) => {
      void streamChanges(call, context);
    }),
    status: guarded(context, ANYONE, () => nodeStatus(context)),
  });
}

function addClusterService(server: Server, context: NodeContext): void {
  server.addService(serviceDefinition(ClusterService), {
    getStatus: auditedLook(
      context,
      OPERATORS,
      { action: "cluster.status", object: () => "cluster/status" },
      (_: GetStatusRequest) => clusterStatus(context),
    ),
    // A node asks on behalf of an operator who came to the wrong one.
    transferLeader: audited(
      context,
      [...OPERATORS, "member"],
      ofShard<TransferLeaderRequest>("cluster.transfer-leader", ({ toNode }) =>
        toNode === "" ? "" : `to ${toNode}`,
      ),
      async (request: TransferLeaderRequest, caller) =>
        create(TransferLeaderResponseSchema, {
          leader: await transferLeader(context, caller, request),
        }),
    ),
    drainNode: audited(
      context,
      OPERATORS,
      {
        action: "cluster.transfer-leader",
        object: () => `nodes/${context.options.nodeName}`,
        detail: ({ undo }) => (undo ? "undo drain" : "drain"),
      },
      ({ undo }: DrainNodeRequest) => {
        context.options.isDraining = !undo;
        return create(DrainNodeResponseSchema, { node: context.options.nodeName });
      },
    ),
    joinShard: audited(
      context,
      OPERATORS,
      ofShard<JoinShardRequest>(CHANGE_MEMBERS, () => "join"),
      async ({ shard }: JoinShardRequest) =>
        create(JoinShardResponseSchema, { replica: await joinShard(context, shard) }),
    ),
    // A node asks for itself alone.
    addLearner: audited(
      context,
      ["node"],
      ofShard<AddLearnerRequest>(CHANGE_MEMBERS, ({ node }) => `add ${node} as learner`),
      async (request: AddLearnerRequest, caller) =>
        create(AddLearnerResponseSchema, { replica: await addLearner(context, caller, request) }),
    ),
    promoteLearner: audited(
      context,
      OPERATORS,
      ofShard<PromoteLearnerRequest>(CHANGE_MEMBERS, ({ node }) => `promote ${node}`),
      (request: PromoteLearnerRequest) => promoteLearner(context, request),
    ),
    removeReplica: audited(
      context,
      OPERATORS,
      ofShard<RemoveReplicaRequest>(CHANGE_MEMBERS, ({ node }) => `remove ${node}`),
      (request: RemoveReplicaRequest) => removeReplica(context, request),
    ),
    replaceReplica: audited(
      context,
      OPERATORS,
      ofShard<ReplaceReplicaRequest>(
        CHANGE_MEMBERS,
        ({ node, byNode }) => `replace ${node} by ${byNode}`,
      ),
      (request: ReplaceReplicaRequest) => replaceReplica(context, request),
    ),
    compactLog: audited(
      context,
      OPERATORS,
      ofShard<CompactLogRequest>("cluster.compact"),
      async ({ shard }: CompactLogRequest) => {
        const replica = requireReplica(context, requireShard(context, shard).number);
        return create(CompactLogResponseSchema, { firstIndex: toUint64(await replica.compact()) });
      },
    ),
    issueResetCode: audited(
      context,
      OPERATORS,
      { action: "user.issue-reset-code", object: ({ userId }) => `users/${userId}` },
      (request: IssueResetCodeRequest) => issueResetCode(context, request),
    ),
    rotateKeys: audited(
      context,
      OPERATORS,
      { action: "cluster-keys.rotate", object: () => "cluster/keys" },
      (_: RotateKeysRequest) => rotateKeys(context),
    ),
    holdDeliveries: audited(
      context,
      OPERATORS,
      { action: "cluster.backup", object: () => "cluster/deliveries" },
      async ({ forMs }: HoldDeliveriesRequest) =>
        create(HoldDeliveriesResponseSchema, { hold: await context.options.holdDeliveries(forMs) }),
    ),
    readBackup: auditedStream(
      context,
      OPERATORS,
      ofShard<ReadBackupRequest>("cluster.backup", () => "copy"),
      (call: BackupCall) => {
        void streamBackup(call, context);
      },
    ),
    getStateHash: auditedLook(
      context,
      OPERATORS,
      ofShard<GetStateHashRequest>("cluster.status"),
      async (request) => create(StateHashSchema, await stateHash(context, request)),
    ),
  });
}

function addRouteService(server: Server, context: NodeContext): void {
  server.addService(serviceDefinition(RouteService), {
    explainRoute: auditedLook(
      context,
      OPERATORS,
      { action: "cluster.status", object: ({ name }) => name },
      ({ name }: ExplainRouteRequest) => explainRoute(context, name),
    ),
  });
}

const CHANGE_MEMBERS = "cluster.change-members";

/** Of a call about one shard. */
function ofShard<Request extends { readonly shard: string }>(
  action: Action,
  detail: (request: Request) => string = () => "",
): AuditedCall<Request> {
  return { action, object: ({ shard }) => `shards/${shard}`, detail };
}

function addHealth(server: Server, context: NodeContext): void {
  const health = new NodeHealth(context, [ShardService.typeName, ClusterService.typeName]);
  server.addService(serviceDefinition(Health), {
    check: guarded(context, ANYONE, ({ service }: HealthCheckRequest) => {
      const answer = health.check(service);
      if (answer === undefined) throw new ClusterError("not-found", `no service "${service}" here`);
      return answer;
    }),
    list: guarded(context, ANYONE, () => {
      const known = health.names.map((name) => [name, health.check(name)] as const);
      const statuses = Object.fromEntries(
        known.flatMap(([name, answer]) => (answer === undefined ? [] : [[name, answer] as const])),
      );
      return create(HealthListResponseSchema, { statuses });
    }),
    watch: guardedStream(
      context,
      ANYONE,
      (call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) =>
        watchHealth(call, context, health),
    ),
  });
}

function watchHealth(
  call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>,
  context: NodeContext,
  health: NodeHealth,
): void {
  if (isMalformed(call.request)) throw new ClusterError("invalid-argument", "not a request");
  const unknown = create(HealthCheckResponseSchema, { status: Serving.SERVICE_UNKNOWN });
  let last: Serving | undefined;
  const tell = () => {
    const answer = health.check(call.request.service) ?? unknown;
    if (answer.status !== last) call.write(answer);
    last = answer.status;
  };
  const timer = setInterval(tell, HEALTH_POLL_MS);
  const end = () => {
    clearInterval(timer);
    context.closing.signal.removeEventListener("abort", end);
    call.end();
  };
  tell();
  call.on("cancelled", end);
  context.closing.signal.addEventListener("abort", end);
}

type ReflectionCall = ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>;

function addReflection(server: Server, context: NodeContext): void {
  const reflect = createReflection([
    RaftService,
    ShardService,
    ClusterService,
    AuditService,
    RouteService,
    Health,
    ServerReflection,
    ServerReflectionAlpha,
  ]);
  const handle = guardedStream(context, OPERATORS, (call: ReflectionCall) => {
    call.on("data", (request: ServerReflectionRequest) => {
      if (isMalformed(request)) {
        const error = new ClusterError("invalid-argument", "not a request");
        call.emit("error", new RpcFailure(error));
      } else {
        call.write(reflect(request));
      }
    });
    call.on("end", () => call.end());
  });
  const v1 = serviceDefinition(ServerReflection);
  const alpha = serviceDefinition(ServerReflectionAlpha);
  server.addService(v1, { serverReflectionInfo: handle });
  // The same messages under another name.
  const { path } = alpha.serverReflectionInfo;
  server.addService(
    { serverReflectionInfo: { ...v1.serverReflectionInfo, path } },
    { serverReflectionInfo: handle },
  );
}
