import type { Collection, PlacedReplica, RangeMap, ShardDescription } from "../placement/index.js";
import { formatAddress, reachable } from "./address.js";
import { findFile, writeFileAtomic } from "./files.js";
import {
  asObject,
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
  /** Stands in every certificate. */
  readonly name: string;
  /**
   * The cluster has served once. From then on an empty directory is a lost one: it never votes by itself.
   */
  readonly formed: boolean;
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
  readonly replicas: readonly PlacedReplica[];
}

/** How other processes reach a node. */
export const addressOf = ({ host, port }: ClusterNode): string =>
  formatAddress(reachable(host), port);

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
  return {
    clusterId: requireText(object, "clusterId", path),
    name: requireText(object, "name", path),
    formed: requireFlag(object, "formed", path),
    bootstrapHash: requireText(object, "bootstrapHash", path),
    rangeMap: parseRangeMap(asObject(object["rangeMap"], `${path}: rangeMap`), path),
    nodes,
  };
}

function parseNode(node: JsonObject, path: string): ClusterNode {
  return {
    name: requireText(node, "name", path),
    host: requireText(node, "host", path),
    port: requireNumber(node, "port", path),
    metricsPort: requireNumber(node, "metricsPort", path),
    replicas: requireList(node, "replicas", path).map((replica) => ({
      shard: requireNumber(replica, "shard", path),
      replica: requireNumber(replica, "replica", path),
    })),
  };
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
