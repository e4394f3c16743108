import { DEFAULT_RANGE_MAP, planLayout } from "../../placement/index.js";
import type { PlannedNode } from "../../placement/index.js";
import type { ClusterNode } from "../cluster-file.js";

/** A public door, and the port of its host that leads to it. */
export interface SwarmDoor {
  readonly name: string;
  readonly kind: "coordinator" | "fanout";
  /** All of a kind have the same in their containers. */
  readonly port: number;
  /** On one host each needs its own. */
  readonly published: number;
}

/** What runs in a Swarm: a node for every replica, and what is in front of them. */
export interface SwarmProcesses {
  readonly nodes: readonly PlannedNode[];
  readonly doors: readonly SwarmDoor[];
  /** They watch, and hold no certificate. */
  readonly watchers: readonly string[];
}

/** Ports in the containers, where each has an address of its own. */
export const SWARM_PORTS = {
  raft: 7000,
  node: 7100,
  metrics: 9100,
  coordinator: 7443,
  fanout: 7444,
} as const;

const DOORS: readonly SwarmDoor[] = [
  { name: "coordinator-1", kind: "coordinator", port: SWARM_PORTS.coordinator, published: 7443 },
  { name: "coordinator-2", kind: "coordinator", port: SWARM_PORTS.coordinator, published: 7445 },
  { name: "fanout-1", kind: "fanout", port: SWARM_PORTS.fanout, published: 7444 },
  { name: "fanout-2", kind: "fanout", port: SWARM_PORTS.fanout, published: 7446 },
];

const WATCHERS = ["prometheus", "grafana"];

/** Of a new cluster. */
export const swarmProcesses = (replicasPerShard: number): SwarmProcesses =>
  processesAround(planLayout("seed", DEFAULT_RANGE_MAP, replicasPerShard));

/** What belongs to these nodes. */
export function processesAround(nodes: readonly PlannedNode[]): SwarmProcesses {
  return { nodes, doors: DOORS, watchers: WATCHERS };
}

export function processNames({ nodes, doors, watchers }: SwarmProcesses): readonly string[] {
  return [...nodes.map(({ name }) => name), ...doors.map(({ name }) => name), ...watchers];
}

/** What the cluster file says of a node. */
export function swarmNode({ name, replicas }: PlannedNode): ClusterNode {
  return {
    name,
    host: apiName(name),
    port: SWARM_PORTS.node,
    metricsPort: SWARM_PORTS.metrics,
    raft: { host: raftName(name), port: SWARM_PORTS.raft },
    replicas,
  };
}

/** Names by which a process is found on one network alone: on two, its own name could mean either address. */
export const apiName = (name: string): string => `${name}.api`;
export const raftName = (name: string): string => `${name}.raft`;
