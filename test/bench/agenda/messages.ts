import type { Measured } from "../closed-loop.js";

export interface ShardOrder {
  readonly kind: "fill" | "measure";
  readonly directory: string;
  readonly events: number;
  readonly seed: number;
  readonly seconds: number;
  /** When the first events begin, in milliseconds since 1970. */
  readonly firstMs: number;
  /** What is measured, besides memory and the restart. */
  readonly loads: readonly LoadName[];
  /** Of its state the shard keeps so much in memory. Default: as a node does. */
  readonly cacheBytes?: number;
}

export type ShardAnswer =
  | {
      readonly kind: "filled";
      readonly events: number;
      readonly seconds: number;
      readonly storeBytes: number;
      readonly peakRssBytes: number;
    }
  | {
      readonly kind: "measured";
      /** From the start of the process to the answer of its first read. */
      readonly restartMs: number;
      /** When nothing but that read was done, and when all was. */
      readonly restedRssBytes: number;
      readonly rssBytes: number;
      readonly peakRssBytes: number;
      readonly eventBytes: number;
      readonly loads: Readonly<Partial<Record<LoadName, Measured>>>;
    };

/** Of any event there is. */
export const ANY_GET = "get of any";
/** What the database alone takes to bring the row of any event: a thread that is woken for it, and its own work. */
export const BARE_ROW = "bare row of any";

/** In the order in which they are measured: what writes comes last. */
export const LOAD_NAMES = [
  "get",
  ANY_GET,
  BARE_ROW,
  "list of 50",
  "free/busy of 10",
  "update",
  "create",
] as const;
export type LoadName = (typeof LOAD_NAMES)[number];
