import { fromJson, toJson } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import {
  AuditCheckpointSchema,
  AuditEntrySchema,
  AuditKeySchema,
} from "../../../gen/cabildo/admin/v1/admin_pb.js";
import type { AuditCheckpoint, AuditEntry } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { optionalTexts } from "../json-shape.js";
import type { Trails } from "./verify-trail.js";

/** One JSON object a line, each with one of these: `clusterId` (and `restoredFrom`), `key`, `entry`, `checkpoint`. */
export function* formatTrails(trails: Trails): Iterable<string> {
  const { clusterId, restoredFrom, keys, entries, checkpoints } = trails;
  yield JSON.stringify({ clusterId, restoredFrom });
  for (const [keyId, publicKey] of keys) {
    const key = { $typeName: "cabildo.admin.v1.AuditKey" as const, keyId, publicKey };
    yield JSON.stringify({ key: toJson(AuditKeySchema, key) });
  }
  for (const entry of [...entries.values()].flat()) {
    yield JSON.stringify({ entry: toJson(AuditEntrySchema, entry) });
  }
  for (const checkpoint of [...checkpoints.values()].flat()) yield formatCheckpoint(checkpoint);
}

export function formatCheckpoint(checkpoint: AuditCheckpoint): string {
  return JSON.stringify({ checkpoint: toJson(AuditCheckpointSchema, checkpoint) });
}

/** Undefined where a line is none. */
export function findCheckpoint(line: string): AuditCheckpoint | undefined {
  try {
    const { checkpoint } = parseLine(line, 0);
    return checkpoint === undefined ? undefined : fromJson(AuditCheckpointSchema, checkpoint);
  } catch {
    return undefined;
  }
}

/** Of several files, one after another: an export, and checkpoints that were kept elsewhere. Fails with the line at fault. */
export function parseTrails(texts: readonly string[]): Trails {
  let clusterId = "";
  let restoredFrom: readonly string[] = [];
  const keys = new Map<string, Uint8Array>();
  const entries: AuditEntry[] = [];
  const checkpoints: AuditCheckpoint[] = [];
  for (const text of texts) {
    for (const [i, line] of text.split("\n").entries()) {
      if (line.trim() === "") continue;
      const number = i + 1;
      const part = parseLine(line, number);
      if (typeof part.clusterId === "string") {
        clusterId = part.clusterId;
        const { restoredFrom: ids } = part;
        const what = `line ${number} is not what was exported`;
        restoredFrom = optionalTexts({ restoredFrom: ids }, "restoredFrom", what);
      }
      if (part.key !== undefined) {
        const { keyId, publicKey } = parsePart(AuditKeySchema, part.key, number);
        keys.set(keyId, publicKey);
      }
      if (part.entry !== undefined) entries.push(parsePart(AuditEntrySchema, part.entry, number));
      if (part.checkpoint !== undefined) {
        checkpoints.push(parsePart(AuditCheckpointSchema, part.checkpoint, number));
      }
    }
  }
  return {
    clusterId,
    restoredFrom,
    keys,
    entries: byShard(entries),
    checkpoints: byShard(checkpoints),
  };
}

interface Line {
  readonly clusterId?: unknown;
  readonly restoredFrom?: unknown;
  readonly key?: JsonValue;
  readonly entry?: JsonValue;
  readonly checkpoint?: JsonValue;
}

function parseLine(line: string, number: number): Line {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new Error(`line ${number} is not a JSON object: is this an export of \`cabildo audit\`?`);
}

function parsePart<Desc extends DescMessage>(
  desc: Desc,
  json: JsonValue,
  number: number,
): MessageShape<Desc> {
  try {
    return fromJson(desc, json);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`line ${number} is not what was exported: ${why}`, { cause });
  }
}

function byShard<Item extends { readonly shard: string; readonly number: bigint }>(
  items: readonly Item[],
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item.shard);
    if (group === undefined) groups.set(item.shard, [item]);
    else group.push(item);
  }
  for (const group of groups.values()) group.sort((a, b) => Number(a.number - b.number));
  return groups;
}
