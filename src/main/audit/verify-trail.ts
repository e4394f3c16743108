import { equals } from "@bufbuild/protobuf";
import { AuditEntrySchema } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import type { AuditCheckpoint, AuditEntry } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { verifyCheckpoint } from "../../auth/index.js";
import { ClusterError } from "../../base/index.js";
import { chainHash, NO_AUDIT } from "../../machine/index.js";
import { auditEntryFromPublic, createStoreCodec } from "../../wire/index.js";

/** All that was told of audit trails, by a cluster or by a file. */
export interface Trails {
  readonly clusterId: string;
  /** Ids of the clusters whose backups that one came from: what was signed there is signed with theirs. */
  readonly restoredFrom: readonly string[];
  /** Public keys by id. */
  readonly keys: ReadonlyMap<string, Uint8Array>;
  /** By name of the shard, each in order of number. */
  readonly entries: ReadonlyMap<string, readonly AuditEntry[]>;
  readonly checkpoints: ReadonlyMap<string, readonly AuditCheckpoint[]>;
}

export interface TrailVerdict {
  readonly shard: string;
  readonly entries: number;
  readonly checkpoints: number;
  /** Up to which entry a signature covers the trail. */
  readonly signedTo: number;
  /** What is wrong, with the number of the first entry that it is about; undefined if nothing. */
  readonly fault: { readonly number: number; readonly message: string } | undefined;
}

interface Fault {
  readonly number: number;
  readonly message: string;
}

const codec = createStoreCodec();

/** Needs nothing but what it is given: the cluster that kept the trails does not have to be there, or honest. */
export function verifyTrails(trails: Trails): readonly TrailVerdict[] {
  const shards = new Set([...trails.entries.keys(), ...trails.checkpoints.keys()]);
  return [...shards].map((shard) => verifyTrail(trails, shard));
}

function verifyTrail(trails: Trails, shard: string): TrailVerdict {
  const entries = withoutCopies(trails.entries.get(shard) ?? []);
  const checkpoints = trails.checkpoints.get(shard) ?? [];
  const faults = [...forgedCheckpoints(trails, shard, checkpoints)];
  // One that is forged says nothing of the entries.
  const sound = checkpoints.filter(
    ({ number }) => !faults.some((f) => f.number === Number(number)),
  );
  faults.push(...contradictions(sound));
  const chained = findChainFault(entries, sound);
  if (chained !== undefined) faults.push(chained);
  faults.sort((a, b) => a.number - b.number);
  return {
    shard,
    entries: entries.length,
    checkpoints: checkpoints.length,
    signedTo: Math.max(0, ...sound.map(({ number }) => Number(number))),
    fault: faults[0],
  };
}

/** Several exports of one trail have most of it in common. */
function withoutCopies(entries: readonly AuditEntry[]): readonly AuditEntry[] {
  return entries.filter((entry, i) => {
    const before = entries[i - 1];
    return before === undefined || !equals(AuditEntrySchema, before, entry);
  });
}

function* forgedCheckpoints(
  { clusterId, restoredFrom, keys }: Trails,
  shard: string,
  checkpoints: readonly AuditCheckpoint[],
): Iterable<Fault> {
  for (const { number: at, hash, keyId, signature } of checkpoints) {
    const number = Number(at);
    const key = keys.get(keyId);
    if (key === undefined) {
      yield { number, message: `its checkpoint is signed with the unknown key ${keyId}` };
      continue;
    }
    const isSignedBy = (id: string): boolean =>
      verifyCheckpoint(key, { clusterId: id, shard, number, hash }, signature);
    if (![clusterId, ...restoredFrom].some(isSignedBy)) {
      yield { number, message: "the signature of its checkpoint is wrong" };
    }
  }
}

/** Copies may hold the same checkpoint, and never another one of the same entry. */
function* contradictions(checkpoints: readonly AuditCheckpoint[]): Iterable<Fault> {
  const hashes = new Map<number, Uint8Array>();
  for (const { number: at, hash } of checkpoints) {
    const number = Number(at);
    const known = hashes.get(number) ?? hash;
    hashes.set(number, known);
    if (!isEqual(known, hash)) yield { number, message: "two signatures of it say two things" };
  }
}

function findChainFault(
  entries: readonly AuditEntry[],
  checkpoints: readonly AuditCheckpoint[],
): Fault | undefined {
  const signed = new Map(checkpoints.map(({ number, hash }) => [Number(number), hash]));
  const first = Number(entries[0]?.number ?? 1n);
  let before: Uint8Array | undefined = first === 1 ? NO_AUDIT.hash : signed.get(first - 1);
  if (before === undefined) {
    return {
      number: first,
      message: "the trail begins here, and no checkpoint covers what came before",
    };
  }
  let number = first - 1;
  for (const told of entries) {
    if (Number(told.number) === number) {
      return { number, message: "it is there twice, and not the same" };
    }
    number++;
    if (Number(told.number) !== number) return { number, message: "the entry is missing" };
    const { hash } = told;
    const chained = findChainHash(before, told);
    if (chained === undefined || !isEqual(chained, hash)) {
      return { number, message: "the entry is not the one that was written: its hash is another" };
    }
    const checkpoint = signed.get(number);
    if (checkpoint !== undefined && !isEqual(checkpoint, hash)) {
      return { number, message: "the entry is not the one that was signed" };
    }
    before = chained;
  }
  const last = Math.max(0, ...signed.keys());
  if (last <= number) return undefined;
  return { number: number + 1, message: `the entry is missing: ${last} were signed` };
}

/** Undefined for what no shard could have written, such as a number beyond those that are exact. */
function findChainHash(before: Uint8Array, told: AuditEntry): Uint8Array | undefined {
  try {
    return chainHash(codec, before, auditEntryFromPublic(told).entry);
  } catch (cause) {
    if (cause instanceof ClusterError) return undefined;
    throw cause;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}
