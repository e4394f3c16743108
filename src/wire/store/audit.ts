import type * as pb from "../../../gen/cabildo/store/v1/audit_pb.js";
import type * as commandsPb from "../../../gen/cabildo/store/v1/commands_pb.js";
import type * as queriesPb from "../../../gen/cabildo/store/v1/queries_pb.js";
import type {
  Answer,
  AuditCheckpoint,
  AuditEntry,
  AuditHead,
  AuditRecord,
  ChainedAuditEntry,
  Operation,
  Question,
} from "../../domain/index.js";
import { toInt64, toSafeInteger } from "../int64.js";
import { required } from "./decoding.js";
import { ROW_VERSION } from "./row-version.js";

type AuditOperation = Extract<Operation, { kind: "record-audit" | "sign-audit" | "prune-audit" }>;
type AuditQuestion = Extract<Question, { kind: "list-audit" | "list-audit-checkpoints" }>;
type AuditAnswer = Extract<Answer, { kind: "audit" | "audit-checkpoints" }>;

export function toAuditEntry(entry: AuditEntry): pb.AuditEntry {
  const { number, timeMs, index, subject, action, object } = entry;
  const { decision, detail, origin, requestId, count } = entry;
  return {
    $typeName: "cabildo.store.v1.AuditEntry",
    version: ROW_VERSION,
    number: toInt64(number),
    timeMs: toInt64(timeMs),
    index: toInt64(index),
    subject,
    action,
    object,
    decision,
    detail,
    origin,
    requestId,
    count,
  };
}

export function fromAuditEntry(message: pb.AuditEntry): AuditEntry {
  const { subject, action, object, decision, detail, origin, requestId, count } = message;
  return {
    number: toSafeInteger(message.number),
    timeMs: toSafeInteger(message.timeMs),
    index: toSafeInteger(message.index),
    subject,
    action,
    object,
    decision,
    detail,
    origin,
    requestId,
    count,
  };
}

export function toAuditRow({ entry, hash }: ChainedAuditEntry): pb.AuditRow {
  return {
    $typeName: "cabildo.store.v1.AuditRow",
    version: ROW_VERSION,
    entry: toAuditEntry(entry),
    hash,
  };
}

export function fromAuditRow({ entry, hash }: pb.AuditRow): ChainedAuditEntry {
  return { entry: fromAuditEntry(required(entry, "entry")), hash };
}

export function toAuditHead({ number, hash, signed, first }: AuditHead): pb.AuditHead {
  return {
    $typeName: "cabildo.store.v1.AuditHead",
    version: ROW_VERSION,
    number: toInt64(number),
    hash,
    signed: toInt64(signed),
    first: toInt64(first),
  };
}

export function fromAuditHead({ number, hash, signed, first }: pb.AuditHead): AuditHead {
  return {
    number: toSafeInteger(number),
    hash,
    signed: toSafeInteger(signed),
    first: toSafeInteger(first),
  };
}

export function toAuditCheckpoint(checkpoint: AuditCheckpoint): pb.AuditCheckpoint {
  const { number, hash, keyId, signature, timeMs } = checkpoint;
  return {
    $typeName: "cabildo.store.v1.AuditCheckpoint",
    version: ROW_VERSION,
    number: toInt64(number),
    hash,
    keyId,
    signature,
    timeMs: toInt64(timeMs),
  };
}

export function fromAuditCheckpoint(message: pb.AuditCheckpoint): AuditCheckpoint {
  const { number, hash, keyId, signature, timeMs } = message;
  return {
    number: toSafeInteger(number),
    hash,
    keyId,
    signature,
    timeMs: toSafeInteger(timeMs),
  };
}

export function toAuditOperation(operation: AuditOperation): commandsPb.Command["operation"] {
  switch (operation.kind) {
    case "record-audit":
      return {
        case: "recordAudit",
        value: {
          $typeName: "cabildo.store.v1.RecordAudit",
          records: operation.records.map((record) => ({
            $typeName: "cabildo.store.v1.AuditRecord" as const,
            ...record,
          })),
        },
      };
    case "sign-audit":
      return {
        case: "signAudit",
        value: {
          $typeName: "cabildo.store.v1.SignAudit",
          checkpoint: toAuditCheckpoint(operation.checkpoint),
        },
      };
    case "prune-audit":
      return {
        case: "pruneAudit",
        value: { $typeName: "cabildo.store.v1.PruneAudit", upTo: toInt64(operation.upTo) },
      };
  }
}

export function fromAuditOperation(
  operation: Extract<
    commandsPb.Command["operation"],
    { case: "recordAudit" | "signAudit" | "pruneAudit" }
  >,
): AuditOperation {
  switch (operation.case) {
    case "recordAudit":
      return { kind: "record-audit", records: operation.value.records.map(fromRecord) };
    case "signAudit": {
      const checkpoint = required(operation.value.checkpoint, "checkpoint");
      return { kind: "sign-audit", checkpoint: fromAuditCheckpoint(checkpoint) };
    }
    case "pruneAudit":
      return { kind: "prune-audit", upTo: toSafeInteger(operation.value.upTo) };
  }
}

function fromRecord(message: pb.AuditRecord): AuditRecord {
  const { subject, action, object, decision, detail, origin, requestId, count } = message;
  return { subject, action, object, decision, detail, origin, requestId, count };
}

export function toAuditQuestion(question: AuditQuestion): queriesPb.Query["question"] {
  const { pageSize } = question;
  const after = toInt64(question.after);
  if (question.kind === "list-audit-checkpoints") {
    return {
      case: "listAuditCheckpoints",
      value: { $typeName: "cabildo.store.v1.ListAuditCheckpoints", after, pageSize },
    };
  }
  const { startMs, endMs, ...texts } = question.filter;
  return {
    case: "listAudit",
    value: {
      $typeName: "cabildo.store.v1.ListAudit",
      after,
      pageSize,
      filter: {
        $typeName: "cabildo.store.v1.AuditFilter",
        ...texts,
        startMs: toInt64(startMs),
        endMs: toInt64(endMs),
      },
    },
  };
}

export function fromAuditQuestion(
  question: Extract<queriesPb.Query["question"], { case: "listAudit" | "listAuditCheckpoints" }>,
): AuditQuestion {
  const { pageSize } = question.value;
  const after = toSafeInteger(question.value.after);
  if (question.case === "listAuditCheckpoints") {
    return { kind: "list-audit-checkpoints", after, pageSize };
  }
  const { subject, action, object, decision, startMs, endMs } = required(
    question.value.filter,
    "filter",
  );
  return {
    kind: "list-audit",
    after,
    pageSize,
    filter: {
      subject,
      action,
      object,
      decision,
      startMs: toSafeInteger(startMs),
      endMs: toSafeInteger(endMs),
    },
  };
}

export function toAuditAnswer(answer: AuditAnswer): queriesPb.QueryReply["outcome"] {
  const next = toInt64(answer.next);
  if (answer.kind === "audit-checkpoints") {
    return {
      case: "auditCheckpoints",
      value: {
        $typeName: "cabildo.store.v1.AuditCheckpointPage",
        checkpoints: answer.checkpoints.map(toAuditCheckpoint),
        next,
      },
    };
  }
  return {
    case: "audit",
    value: {
      $typeName: "cabildo.store.v1.AuditPage",
      entries: answer.entries.map(toAuditRow),
      next,
      head: toAuditHead(answer.head),
    },
  };
}

export function fromAuditAnswer(
  outcome: Extract<queriesPb.QueryReply["outcome"], { case: "audit" | "auditCheckpoints" }>,
): AuditAnswer {
  const next = toSafeInteger(outcome.value.next);
  if (outcome.case === "auditCheckpoints") {
    return {
      kind: "audit-checkpoints",
      checkpoints: outcome.value.checkpoints.map(fromAuditCheckpoint),
      next,
    };
  }
  return {
    kind: "audit",
    entries: outcome.value.entries.map(fromAuditRow),
    next,
    head: fromAuditHead(required(outcome.value.head, "head")),
  };
}
