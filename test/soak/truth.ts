import { readFileSync } from "node:fs";
import path from "node:path";
import type { Change } from "../../src/domain/index.js";
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
  /** The one that it belongs to first; an event's own last. */
  readonly channels: readonly string[];
  readonly kind: Change["kind"];
  readonly resourceName: string;
  readonly revision: number;
  readonly resource: Change["resource"];
}

/** Everything that each shard with channels committed, by its name, read from the replicas and past every fan-out. */
export type Truth = ReadonlyMap<
  string,
  { readonly number: number; readonly changes: TrueChange[] }
>;

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
    const truth = new Map<string, { readonly number: number; readonly changes: TrueChange[] }>();
    for (const { number, name, collection } of file.rangeMap.shards) {
      // The cluster's own facts are nobody's channel.
      if (collection === "system") continue;
      truth.set(name, { number, changes: await readFeed(shards, number) });
    }
    return truth;
  } finally {
    await shards.close();
  }
}

async function readFeed(shards: ShardClient, shard: ShardNumber): Promise<TrueChange[]> {
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
  const { kind, channel, resourceName, revision, resource } = decodeChange(bytes);
  const others = channels.filter((name) => name !== channel);
  const [, calendar, event] = /^calendars\/([^/]+)\/events\/([^/]+)$/u.exec(resourceName) ?? [];
  const own = calendar === undefined ? [] : [`events/${calendar}/${event ?? ""}`];
  const on = [channel, ...others, ...own];
  return { sequence, channels: on, kind, resourceName, revision, resource };
}
