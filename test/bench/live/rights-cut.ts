import { MemberRole } from "../../../gen/cabildo/v1/groups_pb.js";
import type { Person, UpCluster } from "../../support/up-cluster.js";
import { drive } from "../closed-loop.js";
import { percentile } from "../percentile.js";
import { measureSockets } from "../writes.js";

const METRIC = "cabildo_rights_cut_seconds";
const GROUPS = 4;
const SECONDS = 20;
const WRITES_IN_FLIGHT = 16;

export interface RightsCut {
  /** Members that were put out. */
  readonly removals: number;
  /** Of every end of a right in every shard of calendars, from the group's commit on, as the metric has it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the calls, which are answered when the last shard has it. */
  readonly callP99Ms: number;
  /** By others meanwhile. */
  readonly writesPerSecond: number;
}

/** Members are let into groups and put out of them, a group of each caller's own, while somebody writes events. */
export async function measureRightsCut(
  cluster: UpCluster,
  { person, member, writer }: Readonly<Record<"person" | "member" | "writer", Person>>,
): Promise<RightsCut> {
  const free: string[] = [];
  for (let i = 1; i <= GROUPS; i++) {
    const groupId = `cut-${i}`;
    await person.groups.createGroup({ groupId, group: { displayName: groupId } });
    free.push(`groups/${groupId}`);
  }
  const before = await buckets(cluster);
  const removalsMs: number[] = [];
  const removing = drive(GROUPS, SECONDS, async () => {
    const parent = free.pop() ?? "";
    const user = `users/${member.user}`;
    await person.groups.addMember({ parent, member: { user, role: MemberRole.MEMBER, rank: 1 } });
    const startMs = performance.now();
    await person.groups.removeMember({ name: `${parent}/members/${member.user}` });
    removalsMs.push(performance.now() - startMs);
    free.push(parent);
  });
  const load = { inFlight: WRITES_IN_FLIGHT, seconds: SECONDS, sockets: 1 };
  const [{ failures }, writes] = await Promise.all([
    removing,
    measureSockets(cluster, writer, load),
  ]);
  if (failures > 0) throw new Error(`${failures} members could not be put out`);
  const after = await buckets(cluster);
  const counts = [...after].map(
    ([le, count]) => [le, count - (before.get(le) ?? 0)] as [number, number],
  );
  const at = (part: number): number => 1000 * quantile(counts, part);
  return {
    removals: removalsMs.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    callP99Ms: percentile(removalsMs, 0.99),
    writesPerSecond: writes.perSecond,
  };
}

/** Observations of all nodes and shards that are not above each bound. */
async function buckets(cluster: UpCluster): Promise<ReadonlyMap<number, number>> {
  const line = new RegExp(`^${METRIC}_bucket\\{.*le="([^"]+)".*\\} (\\d+)$`, "gmu");
  const sums = new Map<number, number>();
  for (const { name, url } of cluster.ready.metrics) {
    if (!name.startsWith("node")) continue;
    for (const [, le, count] of (await (await fetch(url)).text()).matchAll(line)) {
      const bound = le === "+Inf" ? Infinity : Number(le);
      sums.set(bound, (sums.get(bound) ?? 0) + Number(count));
    }
  }
  return sums;
}

/** As Prometheus reckons it: evenly spread between the bounds of a bucket. */
function quantile(counts: readonly (readonly [le: number, count: number])[], part: number): number {
  const sorted = counts.toSorted(([one], [other]) => one - other);
  const rank = part * (sorted.at(-1)?.[1] ?? 0);
  const at = sorted.findIndex(([, count]) => count >= rank);
  const [to = NaN, count = 0] = sorted[at] ?? [];
  const [from = 0, below = 0] = sorted[at - 1] ?? [];
  return from + ((to - from) * (rank - below)) / (count - below);
}
