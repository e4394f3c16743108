import { percentile } from "../percentile.js";
import { printTable } from "../print-table.js";
import type { CallCosts, Costs } from "./call-cost.js";
import type { HttpVersion } from "./http-load.js";

/** Of the rounds. */
interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Microseconds of CPU a call, while each server answered as many. */
interface CostSummary {
  readonly perSecond: number;
  readonly coordinator: Spread;
  /** Undefined where it does not speak the protocol. */
  readonly connectNode?: Spread;
  readonly bare: Spread;
  /** Of the coordinator's cost to connect-node's in the same round. */
  readonly ratio?: Spread;
}

export interface CostsSummary {
  readonly compared: readonly {
    readonly protocol: string;
    readonly http: HttpVersion;
    readonly steady: CostSummary;
    readonly busy: CostSummary;
  }[];
  readonly idlePercent: Readonly<Record<string, number>>;
}

export function summarizeCosts({ compared, idlePercent }: CallCosts): CostsSummary {
  return {
    compared: compared.map(({ protocol, http, steady, busy }) => ({
      protocol,
      http,
      steady: summaryOf(steady),
      busy: summaryOf(busy),
    })),
    idlePercent,
  };
}

/** The bare server's costs are told by their median alone: a row has to fit into a terminal. */
export function printCosts({ compared, idlePercent }: CostsSummary, perSecond: number): void {
  const idle = Object.entries(idlePercent).map(([name, part]) => `${name} ${part.toFixed(1)}`);
  console.log(`CPU us of one get: the median, the least and the most of the rounds. First each server
is asked ${perSecond} times a second, then as often as the slowest answers 16 callers (busy/s). The
ratio is the coordinator's to connect-node's. Taken off, % of a processor: ${idle.join(", ")}.`);
  const servers = ["connect-node", "bare", "ratio"];
  printTable(
    [
      ...["over", "HTTP", `${perSecond}/s: coordinator`, ...servers],
      ...["busy/s", "coordinator", ...servers],
    ],
    compared.map(({ protocol, http, steady, busy }) => [
      ...[protocol, http, ...cellsOf(steady)],
      ...[Math.round(busy.perSecond), ...cellsOf(busy)],
    ]),
  );
}

function cellsOf({ coordinator, connectNode, bare, ratio }: CostSummary): (string | number)[] {
  return [
    spreadText(coordinator),
    connectNode === undefined ? "" : spreadText(connectNode),
    Math.round(bare.median),
    ratio?.median.toFixed(2) ?? "",
  ];
}

function spreadText({ median, least, most }: Spread): string {
  const [middle, low, high] = [median, least, most].map(Math.round);
  return `${middle} (${low}-${high})`;
}

function summaryOf({ perSecond, micros }: Costs): CostSummary {
  const { coordinator = [], "connect-node": connectNode, bare = [] } = micros;
  const shared = { perSecond, coordinator: spreadOf(coordinator), bare: spreadOf(bare) };
  if (connectNode === undefined) return shared;
  const ratios = coordinator.map((cost, round) => cost / (connectNode[round] ?? NaN));
  return { ...shared, connectNode: spreadOf(connectNode), ratio: spreadOf(ratios) };
}

function spreadOf(values: readonly number[]): Spread {
  return { median: percentile(values, 0.5), least: Math.min(...values), most: Math.max(...values) };
}
