import type { RuntimeLimits } from "../../src/runtime/index.js";
import type { RandomStreams } from "./random-streams.js";

export const FAULT_KINDS = [
  "loss",
  "delay",
  "duplicates",
  "reordering",
  "isolation",
  "one-way-cut",
  "bridge",
  "kill",
  "power-cut",
  "blackout",
  "pause",
  "clock-jump",
  "slow-disk",
  "failing-disk",
  "forgetful-disk",
  "damaged-entry",
  "restart",
  "transfer",
  "membership",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What one seed is about: which faults there are, how large and how busy the cluster is, how tight its limits. */
export interface Plan {
  readonly seed: number;
  readonly voters: number;
  readonly shards: readonly number[];
  readonly faults: readonly FaultKind[];
  /** Virtual time during which faults begin. */
  readonly chaosMs: number;
  readonly quietMsMax: number;
  readonly clients: number;
  /** That clients begin, spread over the chaos. */
  readonly operations: number;
  readonly events: number;
  readonly subscribers: number;
  readonly limits: Partial<RuntimeLimits>;
}

const FAULTS_MIN = 3;

/** Leaving things out finds more than a bit of everything (Groce et al., Swarm Testing, 2012). */
export function drawPlan(seed: number, streams: RandomStreams): Plan {
  const random = streams.of("plan");
  const shards = random.chance(0.15) ? [1, 2] : [1];
  // A machine whose replica was removed goes away with all that it hosts: it may host no other shard's.
  const possible = FAULT_KINDS.filter((kind) => kind !== "membership" || shards.length === 1);
  let faults: readonly FaultKind[] = [];
  while (faults.length < FAULTS_MIN) faults = possible.filter(() => random.chance(0.4));
  const hasSmallLog = random.chance(0.6);
  const hasSmallMessages = random.chance(0.3);
  return {
    seed,
    voters: random.pick([3, 3, 3, 3, 4, 5]) ?? 3,
    shards,
    faults,
    chaosMs: random.between(2_500, 5_000),
    quietMsMax: random.between(50, 500),
    clients: random.between(3, 5),
    operations: random.between(200, 215),
    events: random.between(4, 10),
    subscribers: random.between(1, 2),
    limits: {
      ...(hasSmallLog
        ? { logEntriesMax: random.between(10, 60), logEntriesKept: random.between(2, 10) }
        : {}),
      ...(hasSmallMessages
        ? {
            messageBytesMax: 400,
            inflightMessagesMax: random.between(1, 4),
            inflightBytesMax: 2000,
            committedBytesMax: random.between(200, 2000),
            fetchBytesMax: 500,
          }
        : {}),
      ...(random.chance(0.2)
        ? { feedAgeMs: random.between(1000, 4000), sweepEntries: 20, sweepRowsMax: 10 }
        : {}),
    },
  };
}
