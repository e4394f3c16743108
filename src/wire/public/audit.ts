import { create } from "@bufbuild/protobuf";
import {
  AuditCheckpointSchema,
  AuditEntrySchema,
  type AuditCheckpoint,
  type AuditEntry,
  type ListAuditEntriesRequest,
} from "../../../gen/cabildo/admin/v1/admin_pb.js";
import type * as domain from "../../domain/index.js";
import { toSafeInteger, toUint64 } from "../int64.js";
import { timestampToMs, toTimestamp } from "./times.js";

export function auditEntryToPublic(
  shard: string,
  { entry, hash }: domain.ChainedAuditEntry,
): AuditEntry {
  const { number, index, timeMs, ...texts } = entry;
  return create(AuditEntrySchema, {
    shard,
    number: toUint64(number),
    index: toUint64(index),
    time: toTimestamp(timeMs),
    hash,
    ...texts,
  });
}

/** What was told of an entry, as it was hashed. */
export function auditEntryFromPublic(entry: AuditEntry): domain.ChainedAuditEntry {
  const { subject, action, object, decision, detail, origin, requestId, count, hash } = entry;
  return {
    entry: {
      number: toSafeInteger(entry.number),
      index: toSafeInteger(entry.index),
      timeMs: entry.time === undefined ? 0 : (timestampToMs(entry.time) ?? 0),
      subject,
      action,
      object,
      decision,
      detail,
      origin,
      requestId,
      count,
    },
    hash,
  };
}

export function auditCheckpointToPublic(
  shard: string,
  { number, hash, keyId, signature, timeMs }: domain.AuditCheckpoint,
): AuditCheckpoint {
  return create(AuditCheckpointSchema, {
    shard,
    number: toUint64(number),
    hash,
    keyId,
    signature,
    time: toTimestamp(timeMs),
  });
}

export function auditFilterFromPublic(request: ListAuditEntriesRequest): domain.AuditFilter {
  const { subject, action, object, decision, startTime, endTime } = request;
  return {
    subject,
    action,
    object,
    decision,
    startMs: startTime === undefined ? 0 : (timestampToMs(startTime) ?? 0),
    endMs: endTime === undefined ? 0 : (timestampToMs(endTime) ?? 0),
  };
}
