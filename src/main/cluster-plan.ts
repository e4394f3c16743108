import { randomUUID } from "node:crypto";
import { DEFAULT_RANGE_MAP, planLayout } from "../placement/index.js";
import type { Layout } from "../placement/index.js";
import type { ClusterFile } from "./cluster-file.js";
import { planPorts } from "./ports.js";
import type { PortPlan } from "./ports.js";

export interface ClusterWish {
  /** Of a new cluster; one that exists keeps its own. */
  readonly layout: Layout | undefined;
  readonly basePort: number;
  readonly host: string;
  readonly coordinators: number;
  readonly fanouts: number;
}

export interface PlannedDoor {
  readonly name: string;
  readonly port: number;
  readonly metricsPort: number;
}

export interface ClusterPlan {
  readonly cluster: ClusterFile;
  readonly coordinators: readonly PlannedDoor[];
  readonly fanouts: readonly PlannedDoor[];
}

const CLUSTER_NAME = "cabildo";

/** Where every process of a cluster on this machine listens. What exists keeps its nodes, replicas and id. */
export function planCluster(
  existing: ClusterFile | undefined,
  bootstrapHash: string,
  wish: ClusterWish,
): ClusterPlan {
  const rangeMap = existing?.rangeMap ?? DEFAULT_RANGE_MAP;
  const wished = planLayout(wish.layout ?? "compact", rangeMap);
  const nodes = existing?.nodes ?? wished;
  if (wish.layout !== undefined && nodes.length !== wished.length) {
    throw new Error(
      `this cluster has ${nodes.length} nodes and not the layout ${wish.layout}: leave --layout out`,
    );
  }
  const counts = {
    nodes: nodes.length,
    coordinators: wish.coordinators,
    fanouts: wish.fanouts,
  };
  const ports = planPorts(wish.basePort, counts);
  return {
    cluster: {
      clusterId: existing?.clusterId ?? randomUUID(),
      ...(existing?.restoredFrom && { restoredFrom: existing.restoredFrom }),
      name: existing?.name ?? CLUSTER_NAME,
      formed: existing?.formed ?? false,
      bootstrapHash,
      rangeMap,
      nodes: nodes.map(({ name, replicas }, index) => ({
        name,
        host: wish.host,
        port: at(ports.nodes, index),
        metricsPort: at(ports.metrics, index),
        replicas,
      })),
    },
    coordinators: doors("coordinator", ports.coordinators, ports, counts.nodes),
    fanouts: doors("fanout", ports.fanouts, ports, counts.nodes + counts.coordinators),
  };
}

function doors(
  kind: string,
  own: readonly number[],
  { metrics }: PortPlan,
  metricsFrom: number,
): readonly PlannedDoor[] {
  return own.map((port, index) => ({
    name: `${kind}-${index + 1}`,
    port,
    metricsPort: at(metrics, metricsFrom + index),
  }));
}

function at(ports: readonly number[], index: number): number {
  const port = ports[index];
  if (port === undefined) throw new Error(`no port was planned for process ${index + 1}`);
  return port;
}
