import { Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { ReplicaStatus } from "../runtime/index.js";
import { FollowedCounter } from "./followed-counter.js";

/** Where the replicas of a process say how they are; asked when somebody scrapes. */
export interface ReplicaSource {
  statuses(): readonly ReplicaStatus[];
  shardName(shard: number): string;
}

interface ReplicaGauge {
  readonly name: string;
  readonly help: string;
  readonly read: (status: ReplicaStatus) => number;
}

const GAUGES: readonly ReplicaGauge[] = [
  {
    name: "cabildo_raft_has_leader",
    help: "1 if this replica knows a leader of its shard.",
    read: ({ leader }) => Number(leader !== 0),
  },
  {
    name: "cabildo_raft_is_leader",
    help: "1 if this replica leads its shard.",
    read: ({ role }) => Number(role === "leader"),
  },
  {
    name: "cabildo_raft_is_learner",
    help: "1 if this replica follows without a vote.",
    read: ({ replica, members }) =>
      Number(members.some((member) => member.replica === replica && member.learner)),
  },
  {
    name: "cabildo_raft_voters",
    help: "How many replicas vote in the shard, as of what this one has applied.",
    read: ({ members }) => members.filter(({ learner }) => !learner).length,
  },
  {
    name: "cabildo_raft_proposals_pending",
    help: "Commands in the log of this leader whose outcome is not known yet.",
    read: ({ pending }) => pending,
  },
  {
    name: "cabildo_raft_quarantined",
    help: "1 if this replica may not vote until a leader has repaired its log.",
    read: ({ quarantine }) => Number(quarantine !== ""),
  },
  { name: "cabildo_raft_term", help: "Term of this replica.", read: ({ term }) => term },
  {
    name: "cabildo_raft_commit_index",
    help: "Index of the last log entry that this replica knows to be committed.",
    read: ({ commit }) => commit,
  },
  {
    name: "cabildo_raft_applied_index",
    help: "Index of the last log entry that this replica has applied.",
    read: ({ applied }) => applied,
  },
  {
    name: "cabildo_raft_first_index",
    help: "First index that this replica's log still holds.",
    read: ({ firstIndex }) => firstIndex,
  },
  {
    name: "cabildo_raft_last_index",
    help: "Last index of this replica's log.",
    read: ({ lastIndex }) => lastIndex,
  },
  {
    name: "cabildo_feed_sequence",
    help: "Sequence of the last change in this replica's feed.",
    read: ({ sequence }) => sequence,
  },
];

/** The state of every replica that a process hosts, as gauges by shard; which replica it is says the scrape's instance. */
export function observeReplicas(registry: Registry, source: ReplicaSource): void {
  const committed = new FollowedCounter({
    name: "cabildo_raft_proposals_committed_total",
    help: "Log entries committed since the process started.",
    labelNames: ["shard"],
    registry,
  });
  for (const { name, help, read } of GAUGES) {
    const gauge: Gauge<"shard"> = new Gauge({
      name,
      help,
      labelNames: ["shard"],
      registers: [registry],
      collect: () => {
        gauge.reset();
        for (const status of source.statuses()) {
          gauge.set({ shard: source.shardName(status.shard) }, read(status));
        }
      },
    });
  }
  const lag: Gauge<"shard" | "to"> = new Gauge({
    name: "cabildo_raft_follower_lag_entries",
    help: "Entries of the leader's log that a follower has not acknowledged; only where the replica leads.",
    labelNames: ["shard", "to"],
    registers: [registry],
    collect: () => {
      lag.reset();
      for (const status of source.statuses()) {
        const shard = source.shardName(status.shard);
        committed.follow({ shard }, status.commit);
        for (const { node, match } of status.followers) {
          lag.set({ shard, to: node }, Math.max(0, status.lastIndex - match));
        }
      }
    },
  });
}
