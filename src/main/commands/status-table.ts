import Table from "cli-table3";
import type { Colors } from "../colors.js";
import type { ClusterStatus, Replica, Shard } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { loadOf, loadTexts } from "../shard-load.js";

const HEAD = ["replica", "role", "term", "match", "next", "state", "applied", "lag", "cpu %", ""];

/** A table for people: a line a replica, grouped by shard. */
export function formatStatus(status: ClusterStatus, colors: Colors): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  for (const shard of status.shards) {
    table.push([{ colSpan: HEAD.length, content: describeShard(shard, colors) }]);
    table.push(...shard.replicas.map((replica) => cells(replica, shard, colors)));
  }
  const silent =
    status.unreachable.length === 0
      ? []
      : [colors.red(`no answer from ${status.unreachable.join(", ")}`)];
  const drained = status.nodes.filter(({ draining }) => draining).map(({ name }) => name);
  const idle =
    drained.length === 0
      ? []
      : [
          colors.yellow(
            `drained, and so without leaders: ${drained.join(", ")} (--undo ends that)`,
          ),
        ];
  return [`cluster ${status.clusterId}`, table.toString(), ...idle, ...silent].join("\n");
}

function describeShard(shard: Shard, colors: Colors): string {
  const leader =
    shard.leader === "" ? colors.red("no leader") : `led by ${colors.green(shard.leader)}`;
  const { term, commit, applied } = shard;
  const [requests, kib, cpu] = loadTexts(loadOf(shard));
  const log = `term ${term}  commit ${commit}  applied ${applied}`;
  return `${colors.bold(shard.name)}  ${leader}  ${log}\n${requests} requests/s  ${kib} KiB/s  ${cpu} % of a core`;
}

function cells(replica: Replica, shard: Shard, colors: Colors): string[] {
  if (!replica.reachable) {
    return [replica.node, colors.red("unreachable"), ...HEAD.slice(2).map(() => "")];
  }
  const kind = replica.learner ? " (learner)" : replica.leaving ? " (leaving)" : "";
  const role = `${replica.role}${kind}`;
  const inflight = replica.inflight === 0 ? "" : ` +${replica.inflight}`;
  return [
    replica.node,
    replica.node === shard.leader ? colors.green(role) : role,
    String(replica.term),
    String(replica.match),
    replica.next === 0n ? "" : String(replica.next),
    `${replica.state}${inflight}`,
    String(replica.applied),
    replica.lag === 0n ? "0" : colors.yellow(String(replica.lag)),
    (replica.load?.cpuPercent ?? 0).toFixed(1),
    replica.quarantine === "" ? "" : colors.yellow(`may not vote: ${replica.quarantine}`),
  ];
}
