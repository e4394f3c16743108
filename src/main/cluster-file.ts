import type { Collection, PlacedReplica, RangeMap, ShardDescription } from "../placement/index.js";
import { formatAddress, reachable } from "./address.js";
import { findFile, writeFileAtomic } from "./files.js";
import {
  asObject,
  optionalTexts,
  parseObject,
  requireFlag,
  requireList,
  requireNumber,
  requireText,
} from "./json-shape.js";
import type { JsonObject } from "./json-shape.js";

/**
 * What every process of a cluster has to know before it can ask another one. Who votes in a shard is the shard's own
 * configuration; this file says where the nodes are and what a new cluster begins with.
 */
export interface ClusterFile {
  /** Random; positions, streams and backups carry it. */
  readonly clusterId: string;
  /** Ids of the clusters whose backups this one came from, the first one first: they stand in what was signed there. */
  readonly restoredFrom?: readonly string[];
  /** Stands in every certificate. */
  readonly name: string;
  /**
   * The cluster has served once. From then on an empty directory is a lost one: it never votes by itself.
   */
  readonly formed: boolean;
  /**
   * The same from this time on (RFC 3339), where nobody can write `formed` into every copy of this file once the cluster has
   * served.
   */
  readonly formUntil?: string;
  /** SHA-256 in hex of the credential that makes the first administrator. */
  readonly bootstrapHash: string;
  readonly rangeMap: RangeMap;
  readonly nodes: readonly ClusterNode[];
}

export interface ClusterNode {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number;
  /** Where other nodes speak Raft with it, if not on the same port: on a network of their own. */
  readonly raft?: { readonly host: string; readonly port: number };
  /** None of one that is still to join. */
  readonly replicas: readonly PlacedReplica[];
}

/** How other processes reach a node. */
export const addressOf = ({ host, port }: ClusterNode): string =>
  formatAddress(reachable(host), port);

/** How other nodes reach a node to speak Raft. */
export const raftAddressOf = (node: ClusterNode): string =>
  node.raft === undefined
    ? addressOf(node)
    : formatAddress(reachable(node.raft.host), node.raft.port);

/** Ids of the replicas that a shard of a new cluster begins with. */
export const votersOf = ({ nodes }: ClusterFile, shard: number): readonly number[] =>
  nodes
    .flatMap(({ replicas }) => replicas)
    .filter((placed) => placed.shard === shard)
    .map(({ replica }) => replica);

export async function readClusterFile(path: string): Promise<ClusterFile> {
  const cluster = await findClusterFile(path);
  if (cluster === undefined) {
    throw new Error(`there is no cluster file ${path}: \`cabildo up\` makes one`);
  }
  return cluster;
}

export async function findClusterFile(path: string): Promise<ClusterFile | undefined> {
  const text = await findFile(path);
  return text === undefined ? undefined : parseClusterFile(text, path);
}

export async function writeClusterFile(path: string, cluster: ClusterFile): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(cluster, null, 2)}\n`);
}

export function parseClusterFile(text: string, path: string): ClusterFile {
  const object = parseObject(text, path);
  const nodes = requireList(object, "nodes", path).map((node) => parseNode(node, path));
  if (nodes.length === 0) throw new Error(`${path}: nodes is empty`);
  const restoredFrom = optionalTexts(object, "restoredFrom", path);
  return {
    clusterId: requireText(object, "clusterId", path),
    ...(restoredFrom.length === 0 ? {} : { restoredFrom }),
    name: requireText(object, "name", path),
    formed: requireFlag(object, "formed", path),
    ...(object["formUntil"] === undefined ? {} : { formUntil: requireTime(object, path) }),
    bootstrapHash: requireText(object, "bootstrapHash", path),
    rangeMap: parseRangeMap(asObject(object["rangeMap"], `${path}: rangeMap`), path),
    nodes,
  };
}

function requireTime(object: JsonObject, path: string): string {
  const text = requireText(object, "formUntil", path);
  if (Number.isNaN(Date.parse(text))) throw new Error(`${path}: formUntil is not a time`);
  return text;
}

function parseNode(node: JsonObject, path: string): ClusterNode {
  const raft = node["raft"] === undefined ? undefined : asObject(node["raft"], `${path}: raft`);
  return {
    name: requireText(node, "name", path),
    ...parsePlace(node, path),
    metricsPort: requireNumber(node, "metricsPort", path),
    ...(raft === undefined ? {} : { raft: parsePlace(raft, path) }),
    replicas: requireList(node, "replicas", path).map((replica) => ({
      shard: requireNumber(replica, "shard", path),
      replica: requireNumber(replica, "replica", path),
    })),
  };
}

function parsePlace(place: JsonObject, path: string) {
  return { host: requireText(place, "host", path), port: requireNumber(place, "port", path) };
}

export function parseRangeMap(map: JsonObject, path: string): RangeMap {
  return {
    version: requireNumber(map, "version", path),
    shards: requireList(map, "shards", path).map((shard): ShardDescription => ({
      number: requireNumber(shard, "number", path),
      name: requireText(shard, "name", path),
      collection: parseCollection(requireText(shard, "collection", path), path),
      start: requireText(shard, "start", path),
      end: requireText(shard, "end", path),
    })),
  };
}

function parseCollection(text: string, path: string): Collection {
  switch (text) {
    case "calendars":
    case "groups":
    case "users":
    case "system":
      return text;
    default:
      throw new Error(`${path}: there is no collection ${text}`);
  }
}
