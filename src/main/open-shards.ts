import { setTimeout as sleep } from "node:timers/promises";
import { createShardClient } from "../shards/index.js";
import type { ShardClient } from "../shards/index.js";
import { decodeQueryReply, decodeReply, encodeCommand, encodeQuery } from "../wire/index.js";
import { addressOf } from "./cluster-file.js";
import type { ProcessSetup } from "./process-setup.js";

const PROBE_MS = 1000;
const ASK_AGAIN_MS = 50;

/** The shards, seen from a public door; whether all have a leader becomes part of the door's health. */
export function openShards({ cluster, tls, health, shardName }: ProcessSetup): ShardClient {
  const shards = createShardClient({
    nodes: cluster.nodes.map((node) => ({ ...node, address: addressOf(node) })),
    tls,
    rangeMap: cluster.rangeMap,
    clusterName: cluster.name,
    codec: { encodeCommand, decodeReply, encodeQuery, decodeQueryReply },
  });
  health.add("shards", async () => {
    const away = await leaderless(shards);
    return away.length === 0 ? undefined : `no leader of ${away.map(shardName).join(", ")}`;
  });
  return shards;
}

/** Resolves once every shard has a leader that answers. */
export async function whenServing(shards: ShardClient): Promise<void> {
  while ((await leaderless(shards)).length > 0) await sleep(ASK_AGAIN_MS);
}

async function leaderless(shards: ShardClient): Promise<readonly number[]> {
  const probed = await shards.probe(PROBE_MS);
  return probed.filter(({ ready }) => !ready).map(({ shard }) => shard);
}
