import { readFileSync } from "node:fs";
import path from "node:path";
import { encodeTime, monotonicFactory } from "ulidx";
import type { Command } from "../../src/domain/index.js";
import { DEFAULT_RANGE_MAP, findShard, replicaId } from "../../src/placement/index.js";
import { createShardClient } from "../../src/shards/index.js";
import { decodeQueryReply, decodeReply, encodeCommand, encodeQuery } from "../../src/wire/index.js";
import type { UpCluster } from "../support/up-cluster.js";
import { closedLoop } from "./closed-loop.js";
import type { WriteRow } from "./writes.js";

const DESCRIPTION_BYTES = 216;

/** The same events as over the door, but straight to the shard: what the door itself costs is the difference. */
export async function measureShardStream(
  cluster: UpCluster,
  user: string,
  loads: { readonly inFlight: readonly number[]; readonly seconds: number },
): Promise<WriteRow[]> {
  const file = (name: string): Uint8Array =>
    readFileSync(path.join(cluster.ready.dataDir, "certs", name));
  const clusterFile = JSON.parse(
    readFileSync(path.join(cluster.ready.dataDir, "cluster.json"), "utf8"),
  ) as { readonly name: string };
  const shards = createShardClient({
    nodes: cluster.ready.nodes.map(({ name, address }, i) => ({
      name,
      address,
      replicas: DEFAULT_RANGE_MAP.shards.map(({ number }) => ({
        shard: number,
        replica: replicaId(number, i + 1),
      })),
    })),
    tls: {
      ca: file("ca.pem"),
      cert: file("coordinator-1.pem"),
      key: file("coordinator-1-key.pem"),
    },
    rangeMap: DEFAULT_RANGE_MAP,
    clusterName: clusterFile.name,
    codec: { encodeCommand, encodeQuery, decodeReply, decodeQueryReply },
  });
  const shard = findShard(DEFAULT_RANGE_MAP, "calendars", user)?.number ?? 0;
  const { nodes, coordinators, fanouts } = cluster.ready;
  const pids = [...nodes, ...coordinators, ...fanouts].map(({ pid }) => pid);
  const newUlid = monotonicFactory();
  const rows: WriteRow[] = [];
  try {
    for (const inFlight of loads.inFlight) {
      const measured = await closedLoop({
        ...loads,
        inFlight,
        pids,
        call: async (n) => {
          const { reply } = await shards.execute(shard, createEvent(user, newUlid(), n), {
            timeoutMs: 5000,
          });
          if (reply.kind !== "done") throw new Error(reply.message);
        },
      });
      rows.push({ system: "cabildo", protocol: "shard stream, mTLS", ...measured });
    }
  } finally {
    await shards.close();
  }
  return rows;
}

function createEvent(user: string, ulid: string, n: number): Command {
  const startMs = 1_800_000_000_000 + n * 60_000;
  return {
    caller: { kind: "user", user, sessionId: "bench", roles: [] },
    requestId: ulid,
    fingerprint: encodeTime(startMs, 10),
    operation: {
      kind: "create-event",
      calendar: user,
      event: `e${ulid.toLowerCase()}`,
      content: {
        title: `event ${n}`,
        description: "x".repeat(DESCRIPTION_BYTES),
        location: "",
        span: { kind: "timed", startMs, endMs: startMs + 60_000, timeZone: "UTC" },
        visibility: "default",
        transparency: "opaque",
        labels: [],
        reminderMinutes: [],
        recurrence: [],
        invitees: [],
      },
    },
  };
}
