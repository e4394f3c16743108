import { assert } from "../base/index.js";
import type { ReplicaId } from "../raft/index.js";

/**
 * First byte of every key: the layout of keys and rows, and what the machine relies on to be there. A store of another one is
 * refused. 2: the index of calendars, and the feature level.
 */
export const FORMAT = 2;

/** Rows of the store itself stand under replica 0, which no replica is. */
export const STORE_ROWS: ReplicaId = 0;

/** Meta rows of a replica stand in generation 0; what a snapshot replaces is in the later ones. */
export const META_GENERATION = 0;
export const FIRST_GENERATION = 1;

export const TABLES = { meta: 0, log: 1, state: 2, feed: 3, feedIndex: 4 } as const;
export type Table = (typeof TABLES)[keyof typeof TABLES];
const TABLE_NAMES = ["meta", "log", "state", "feed", "feed-index"];

/** [format u8][replica u32][generation u32][table u8], then the key within the table. */
export const PREFIX_BYTES = 10;
export const LOG_KEY_BYTES = PREFIX_BYTES + 8;

const REPLICA_MAX = 2 ** 32 - 2;

export function tablePrefix(replica: ReplicaId, generation: number, table: number): Buffer {
  assert(replica <= REPLICA_MAX, `replica id ${replica} does not fit a key`);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt8(FORMAT, 0);
  prefix.writeUInt32BE(replica, 1);
  prefix.writeUInt32BE(generation, 5);
  prefix.writeUInt8(table, 9);
  return prefix;
}

export function metaKey(replica: ReplicaId, name: string): Buffer {
  return Buffer.concat([tablePrefix(replica, META_GENERATION, TABLES.meta), Buffer.from(name)]);
}

export function numberedKey(prefix: Buffer, number: number): Buffer {
  const key = Buffer.allocUnsafe(PREFIX_BYTES + 8);
  prefix.copy(key);
  writeU64(key, number, PREFIX_BYTES);
  return key;
}

/** Index of a log row, sequence of a feed row. */
export function numberOfKey(key: Buffer): number {
  return readU64(key, PREFIX_BYTES);
}

export function generationOfKey(key: Buffer): number {
  return key.readUInt32BE(5);
}

/** The prefixes of one generation of a replica, made once. */
export class GenerationKeys {
  readonly replica: ReplicaId;
  readonly number: number;
  readonly log: Buffer;
  readonly state: Buffer;
  readonly feed: Buffer;
  readonly feedIndex: Buffer;
  /** After the last key of the generation's last table. */
  readonly end: Buffer;

  constructor(replica: ReplicaId, number: number) {
    this.replica = replica;
    this.number = number;
    this.log = tablePrefix(replica, number, TABLES.log);
    this.state = tablePrefix(replica, number, TABLES.state);
    this.feed = tablePrefix(replica, number, TABLES.feed);
    this.feedIndex = tablePrefix(replica, number, TABLES.feedIndex);
    this.end = tablePrefix(replica, number, TABLES.feedIndex + 1);
  }

  stateKey(key: string): Buffer {
    const bytes = Buffer.allocUnsafe(PREFIX_BYTES + key.length);
    this.state.copy(bytes);
    bytes.write(key, PREFIX_BYTES, "latin1");
    return bytes;
  }

  /** [channel]\0[sequence u64]: in order of sequence within a channel. */
  feedIndexKey(channel: string, sequence: number): Buffer {
    const name = Buffer.byteLength(channel);
    const bytes = Buffer.allocUnsafe(PREFIX_BYTES + name + 9);
    this.feedIndex.copy(bytes);
    bytes.write(channel, PREFIX_BYTES, "utf8");
    bytes[PREFIX_BYTES + name] = 0;
    writeU64(bytes, sequence, PREFIX_BYTES + name + 1);
    return bytes;
  }
}

export function describeKey(key: Buffer): string {
  if (key.length < PREFIX_BYTES) return `0x${key.toString("hex")}`;
  const table = key.readUInt8(9);
  const rest =
    table === TABLES.log || table === TABLES.feed
      ? String(numberOfKey(key))
      : JSON.stringify(key.toString("latin1", PREFIX_BYTES));
  const place = `replica ${key.readUInt32BE(1)}, generation ${generationOfKey(key)}`;
  return `${rest} of ${TABLE_NAMES[table] ?? table} (${place})`;
}

/** Numbers stay below 2^53, so two halves hold them exactly. */
export function writeU64(into: Buffer, value: number, at: number): void {
  into.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  into.writeUInt32BE(value % 2 ** 32, at + 4);
}

export function readU64(from: Buffer, at: number): number {
  return from.readUInt32BE(at) * 2 ** 32 + from.readUInt32BE(at + 4);
}
