import { AuditService } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import type {
  ListAuditCheckpointsRequest,
  ListAuditEntriesRequest,
} from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { publicKeyOf } from "../../auth/index.js";
import {
  auditCheckpointToPublic,
  auditEntryToPublic,
  auditFilterFromPublic,
  toUint64,
} from "../../wire/index.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { Pages } from "../page-tokens.js";
import { SYSTEM } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";

const PAGE_SIZE_DEFAULT = 100;
const { method } = AuditService;

/** The audit trails for auditors and administrators among the users. */
export function auditHandlers(context: ServiceContext): readonly Handler[] {
  return [
    unary(method.listAuditEntries, (call, request) => listEntries(context, call, request)),
    unary(method.listAuditCheckpoints, (call, request) => listCheckpoints(context, call, request)),
  ];
}

async function listEntries(context: ServiceContext, call: Call, request: ListAuditEntriesRequest) {
  const shard = call.shards.named(request.shard);
  const pages = pagesOf(context, call, method.listAuditEntries, request);
  const question = {
    kind: "list-audit",
    after: Number(pages.place.after),
    pageSize: request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize,
    filter: auditFilterFromPublic(request),
  } as const;
  const { answer, position } = await call.shards.read(
    shard,
    call.caller,
    question,
    pages.notBefore,
  );
  const { entries, next, head } = answer;
  return {
    entries: entries.map((entry) => auditEntryToPublic(shard.name, entry)),
    nextPageToken: pages.token(next === 0 ? "" : String(next), pages.place.first ?? position),
    firstNumber: toUint64(head.first),
    lastNumber: toUint64(head.number),
  };
}

async function listCheckpoints(
  context: ServiceContext,
  call: Call,
  request: ListAuditCheckpointsRequest,
) {
  const shard = call.shards.named(request.shard);
  const pages = pagesOf(context, call, method.listAuditCheckpoints, request);
  const question = {
    kind: "list-audit-checkpoints",
    after: Number(pages.place.after),
    pageSize: request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize,
  } as const;
  const { answer, position } = await call.shards.read(
    shard,
    call.caller,
    question,
    pages.notBefore,
  );
  const { checkpoints, next } = answer;
  const keys = await call.shards.read(call.shards.of("system", ""), SYSTEM, {
    kind: "get-cluster-keys",
  });
  const { audit } = keys.answer.keys;
  return {
    checkpoints: checkpoints.map((each) => auditCheckpointToPublic(shard.name, each)),
    nextPageToken: pages.token(next === 0 ? "" : String(next), pages.place.first ?? position),
    clusterId: context.clusterId,
    keys: [{ keyId: audit.id, publicKey: publicKeyOf(audit.jwk) }],
  };
}

function pagesOf(
  context: ServiceContext,
  { caller }: Call,
  desc: typeof method.listAuditEntries | typeof method.listAuditCheckpoints,
  request: ListAuditEntriesRequest | ListAuditCheckpointsRequest,
): Pages {
  return new Pages(context.positionTokens(), context.positions, caller, desc, request);
}
