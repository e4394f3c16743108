import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { ShardNumber } from "../../src/placement/index.js";
import { createShardClient } from "../../src/shards/index.js";
import type { FeedItem, ShardClient } from "../../src/shards/index.js";
import {
  decodeChange,
  decodeQueryReply,
  decodeReply,
  encodeCommand,
  encodeQuery,
} from "../../src/wire/index.js";
import { addressOf, readClusterFile } from "../../src/main/cluster-file.js";
import type { UpCluster } from "../support/up-cluster.js";

/** A change as the log has it. */
export interface TrueChange {
  readonly sequence: number;
  readonly channels: readonly string[];
  readonly kind: string;
  readonly resourceName: string;
  /** Of an event or group; what a subscriber must have been shown. */
  readonly title: string;
  /** Of a change of a group's members. */
  readonly member: string;
}

/** Everything that each shard committed, by the name of the shard, read from the replicas and past every fan-out. */
export type Truth = ReadonlyMap<string, readonly TrueChange[]>;

export async function readTruth(cluster: UpCluster): Promise<Truth> {
  const { dataDir } = cluster.ready;
  const file = await readClusterFile(path.join(dataDir, "cluster.json"));
  const pem = (name: string): Buffer => readFileSync(path.join(dataDir, "certs", name));
  const shards = createShardClient({
    nodes: file.nodes.map((node) => ({ ...node, address: addressOf(node) })),
    tls: { ca: pem("ca.pem"), cert: pem("fanout-1.pem"), key: pem("fanout-1-key.pem") },
    rangeMap: file.rangeMap,
    clusterName: file.name,
    codec: { encodeCommand, decodeReply, encodeQuery, decodeQueryReply },
  });
  try {
    const truth = new Map<string, readonly TrueChange[]>();
    for (const { number, name } of file.rangeMap.shards) {
      truth.set(name, await readFeed(shards, number));
    }
    return truth;
  } finally {
    await shards.close();
  }
}

async function readFeed(shards: ShardClient, shard: ShardNumber): Promise<readonly TrueChange[]> {
  const stop = new AbortController();
  const items: FeedItem[] = [];
  let head: { readonly epoch: number; readonly upTo: number } | undefined;
  const now = shards.changes({ shard, after: undefined, signal: stop.signal });
  for await (const { epoch, upTo } of now) {
    head = { epoch, upTo };
    break;
  }
  stop.abort();
  if (head === undefined || head.upTo === 0) return [];
  const all = shards.changes({
    shard,
    after: { epoch: head.epoch, sequence: 0 },
    until: head.upTo,
    signal: new AbortController().signal,
  });
  for await (const event of all) items.push(...event.items);
  return items.map(toTrue);
}

function toTrue({ sequence, channels, change: bytes }: FeedItem): TrueChange {
  const { kind, resourceName, resource } = decodeChange(bytes);
  const title =
    resource.kind === "event"
      ? resource.event.title
      : resource.kind === "group"
        ? resource.group.displayName
        : "";
  const member = resource.kind === "member" ? resource.member.user : "";
  return { sequence, channels, kind, resourceName, title, member };
}

/** A few characters that stand for a long list in a message. */
export function digest(values: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, 8);
}
