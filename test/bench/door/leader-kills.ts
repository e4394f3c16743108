import { status as codes } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import type { UpCluster } from "../../support/up-cluster.js";

const CALLERS = 16;
const BEFORE_MS = 500;
const AFTER_MS = 3000;

/** Calls that failed with one code, and when, counted from the kill before. */
export interface FailedCalls {
  readonly code: string;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface LeaderKills {
  readonly kills: number;
  readonly answered: number;
  readonly longestMs: number;
  readonly failed: readonly FailedCalls[];
}

/** What callers who repeat nothing see while the leader of their shard dies, again and again. */
export async function measureLeaderKills(
  cluster: UpCluster,
  shard: string,
  kills: number,
  call: () => Promise<void>,
): Promise<LeaderKills> {
  const tookMs: number[] = [];
  const failed = new Map<string, number[]>();
  for (let kill = 0; kill < kills; kill++) {
    const { shards } = await cluster.healthy();
    const leader = shards.find(({ name }) => name === shard)?.leader ?? "";
    const killMs = performance.now() + BEFORE_MS;
    const callers = Array.from({ length: CALLERS }, async () => {
      while (performance.now() < killMs + AFTER_MS) {
        const startMs = performance.now();
        try {
          await call();
          tookMs.push(performance.now() - startMs);
        } catch (error) {
          const code = codes[(error as ServiceError).code];
          failed.set(code, [...(failed.get(code) ?? []), performance.now() - killMs]);
        }
      }
    });
    await new Promise((resolve) => setTimeout(resolve, BEFORE_MS));
    await cluster.kill(leader);
    await Promise.all(callers);
  }
  return {
    kills,
    answered: tookMs.length,
    longestMs: Math.max(...tookMs),
    failed: [...failed].map(([code, atMs]) => ({
      code,
      count: atMs.length,
      firstMs: Math.min(...atMs),
      lastMs: Math.max(...atMs),
    })),
  };
}
