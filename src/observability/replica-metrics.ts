import { Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { FollowerStatus, ReplicaStatus } from "../runtime/index.js";
import { FollowedCounter } from "./followed-counter.js";

/** Where the replicas of a process say how they are; asked when somebody scrapes. */
export interface ReplicaSource {
  statuses(): readonly ReplicaStatus[];
  shardName(shard: number): string;
}

const MS_PER_SECOND = 1000;

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
    name: "cabildo_raft_reads_pending",
    help: "Reads that wait to be told how far they have to see, or for the state to get there.",
    read: ({ readsPending }) => readsPending,
  },
  {
    name: "cabildo_raft_leader_contact_seconds",
    help: "How old what this replica holds may be: since when no leader with a majority behind it was heard.",
    read: ({ leaderAgeMs }) => leaderAgeMs / MS_PER_SECOND,
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

interface FollowerGauge {
  readonly name: string;
  readonly help: string;
  readonly read: (follower: FollowerStatus, leader: ReplicaStatus) => number;
}

const FOLLOWER_GAUGES: readonly FollowerGauge[] = [
  {
    name: "cabildo_raft_follower_lag_entries",
    help: "Entries of the leader's log that a follower has not acknowledged; only where the replica leads.",
    read: ({ match }, { lastIndex }) => Math.max(0, lastIndex - match),
  },
  {
    name: "cabildo_raft_follower_match_index",
    help: "Last index that a follower is known to hold; only where the replica leads.",
    read: ({ match }) => match,
  },
  {
    name: "cabildo_raft_follower_next_index",
    help: "Index of the next entry to be sent to a follower; only where the replica leads.",
    read: ({ next }) => next,
  },
  {
    name: "cabildo_raft_follower_inflight_appends",
    help: "Messages to a follower that it has not answered; only where the replica leads.",
    read: ({ inflight }) => inflight,
  },
  {
    name: "cabildo_raft_follower_active",
    help: "1 if a follower answered within the last election timeout; only where the replica leads.",
    read: ({ active }) => Number(active),
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
  const requests = new FollowedCounter({
    name: "cabildo_shard_requests_total",
    help: "Commands and queries that this replica took on.",
    labelNames: ["shard"],
    registry,
  });
  const bytes = new FollowedCounter({
    name: "cabildo_shard_bytes_total",
    help: "Bytes of commands, queries and the answers to both.",
    labelNames: ["shard"],
    registry,
  });
  const cpu = new FollowedCounter({
    name: "cabildo_shard_cpu_seconds_total",
    help: "Time of the engine's thread that went to this replica.",
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
  for (const { name, help, read } of FOLLOWER_GAUGES) {
    const gauge: Gauge<"shard" | "to"> = new Gauge({
      name,
      help,
      labelNames: ["shard", "to"],
      registers: [registry],
      collect: () => {
        gauge.reset();
        for (const status of source.statuses()) {
          const shard = source.shardName(status.shard);
          for (const follower of status.followers) {
            gauge.set({ shard, to: follower.node }, read(follower, status));
          }
        }
      },
    });
  }
  const state: Gauge<"shard" | "to" | "state"> = new Gauge({
    name: "cabildo_raft_follower_state",
    help: "1 for how entries go to a follower: probe, replicate or snapshot; only where the replica leads.",
    labelNames: ["shard", "to", "state"],
    registers: [registry],
    collect: () => {
      state.reset();
      for (const status of source.statuses()) {
        const shard = source.shardName(status.shard);
        committed.follow({ shard }, status.commit);
        requests.follow({ shard }, status.load.requests);
        bytes.follow({ shard }, status.load.bytes);
        cpu.follow({ shard }, status.load.cpuMs / MS_PER_SECOND);
        for (const follower of status.followers) {
          state.set({ shard, to: follower.node, state: follower.state }, 1);
        }
      }
    },
  });
}
