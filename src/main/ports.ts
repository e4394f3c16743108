import { UsageError } from "./command-line-parts.js";

/** What a cluster of one machine listens on. Two clusters can share a machine when their bases are 100 apart. */
export interface PortPlan {
  readonly nodes: readonly number[];
  readonly coordinators: readonly number[];
  readonly fanouts: readonly number[];
  /** In the order nodes, coordinators, fan-outs. */
  readonly metrics: readonly number[];
}

export interface ProcessCounts {
  readonly nodes: number;
  readonly coordinators: number;
  readonly fanouts: number;
}

export const BASE_PORT = 7443;
const FANOUT_OFFSET = 1;
const EXTRA_OFFSET = 2;
const EXTRAS_MAX = 8;
const DEMO_OFFSET = 9;
const NODE_OFFSET = 10;
const METRICS_OFFSET = 50;
const NODES_MAX = METRICS_OFFSET - NODE_OFFSET;
const BASE_MAX = 65_435;

/** Of the page of `--demo`; a further coordinator or fan-out may not have it then. */
export function demoPort(base: number): number {
  return base + DEMO_OFFSET;
}

const sequence = (length: number, first: number): readonly number[] =>
  Array.from({ length }, (_, index) => first + index);

/** The API on `base`, the fan-out beside it, further ones on base + 2 to 9, nodes from base + 10, metrics from base + 50. */
export function planPorts(base: number, counts: ProcessCounts): PortPlan {
  const { nodes, coordinators, fanouts } = counts;
  if (!Number.isSafeInteger(base) || base < 1 || base > BASE_MAX) {
    throw new UsageError(`the base port must be between 1 and ${BASE_MAX}, not ${base}`);
  }
  if (coordinators < 1 || fanouts < 1) {
    throw new UsageError("a cluster needs a coordinator and a fan-out at least");
  }
  if (coordinators - 1 + fanouts - 1 > EXTRAS_MAX) {
    throw new UsageError(`at most ${EXTRAS_MAX} further coordinators and fan-outs have a port`);
  }
  if (nodes > NODES_MAX) throw new UsageError(`at most ${NODES_MAX} nodes have a port`);
  const extra = base + EXTRA_OFFSET;
  return {
    nodes: sequence(nodes, base + NODE_OFFSET),
    coordinators: [base, ...sequence(coordinators - 1, extra)],
    fanouts: [base + FANOUT_OFFSET, ...sequence(fanouts - 1, extra + coordinators - 1)],
    metrics: sequence(nodes + coordinators + fanouts, base + METRICS_OFFSET),
  };
}
