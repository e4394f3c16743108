import { create } from "@bufbuild/protobuf";
import type { Server } from "@grpc/grpc-js";
import {
  AuditService,
  ListAuditCheckpointsResponseSchema,
  ListAuditEntriesResponseSchema,
  type ListAuditCheckpointsRequest,
  type ListAuditEntriesRequest,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import { publicKeyOf } from "../auth/index.js";
import { ClusterError, type IdentityRole } from "../base/index.js";
import type { ClusterKeys } from "../domain/index.js";
import {
  auditCheckpointToPublic,
  auditEntryToPublic,
  auditFilterFromPublic,
  serviceDefinition,
  toUint64,
} from "../wire/index.js";
import { askShard } from "./ask-shard.js";
import { auditedLook, type AuditedCall } from "./audited.js";
import type { NodeContext } from "./context.js";
import { requireShard, type AsksShards } from "./require-shard.js";

const AUDITORS: readonly IdentityRole[] = ["operator", "auditor"];
const LIST: AuditedCall<{ readonly shard: string }> = {
  action: "audit.list",
  object: ({ shard }) => `shards/${shard}`,
};
const PAGE_SIZE_DEFAULT = 100;
const NUMBER = /^[1-9][0-9]{0,15}$/;

/** The audit trails of all shards, on any node's port, for certificates of auditors and operators. */
export function addAuditService(server: Server, context: NodeContext): void {
  server.addService(serviceDefinition(AuditService), {
    listAuditEntries: auditedLook(context, AUDITORS, LIST, (request: ListAuditEntriesRequest) =>
      listEntries(context, request),
    ),
    listAuditCheckpoints: auditedLook(
      context,
      AUDITORS,
      LIST,
      (request: ListAuditCheckpointsRequest) => listCheckpoints(context, request),
    ),
  });
}

async function listEntries(context: NodeContext, request: ListAuditEntriesRequest) {
  const shard = requireShard(context, request.shard);
  const question = {
    kind: "list-audit",
    after: parsePageToken(request.pageToken),
    pageSize: request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize,
    filter: auditFilterFromPublic(request),
  } as const;
  const { entries, next, head } = await askShard(
    context.options.shards,
    shard.number,
    question,
    "audit",
  );
  return create(ListAuditEntriesResponseSchema, {
    entries: entries.map((entry) => auditEntryToPublic(shard.name, entry)),
    nextPageToken: next === 0 ? "" : String(next),
    firstNumber: toUint64(head.first),
    lastNumber: toUint64(head.number),
  });
}

async function listCheckpoints(context: NodeContext, request: ListAuditCheckpointsRequest) {
  const shard = requireShard(context, request.shard);
  const question = {
    kind: "list-audit-checkpoints",
    after: parsePageToken(request.pageToken),
    pageSize: request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize,
  } as const;
  const [{ checkpoints, next }, { audit }] = await Promise.all([
    askShard(context.options.shards, shard.number, question, "audit-checkpoints"),
    readClusterKeys(context),
  ]);
  return create(ListAuditCheckpointsResponseSchema, {
    checkpoints: checkpoints.map((each) => auditCheckpointToPublic(shard.name, each)),
    nextPageToken: next === 0 ? "" : String(next),
    clusterId: context.options.clusterId,
    keys: [{ keyId: audit.id, publicKey: publicKeyOf(audit.jwk) }],
  });
}

export async function readClusterKeys(context: AsksShards): Promise<ClusterKeys> {
  const { number } = requireShard(context, "system");
  const { shards } = context.options;
  return (await askShard(shards, number, { kind: "get-cluster-keys" }, "cluster-keys")).keys;
}

/** Of callers with a certificate: nothing in it has to be kept from them. */
function parsePageToken(token: string): number {
  if (token === "") return 0;
  if (NUMBER.test(token) && Number.isSafeInteger(Number(token))) return Number(token);
  throw new ClusterError("invalid-argument", "page_token: not one of a page before");
}
