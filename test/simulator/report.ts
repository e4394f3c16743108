import { FAULT_KINDS } from "./plan.js";
import type { FaultKind } from "./plan.js";
import type { SeedResult } from "./simulation.js";

const DISK_FAULTS: readonly FaultKind[] = [
  "power-cut",
  "blackout",
  "slow-disk",
  "failing-disk",
  "forgetful-disk",
  "damaged-entry",
];

/** Shares below this mean that the seeds do not reach what they are for. */
export const SHARE_MIN = 0.05;

export interface Shares {
  readonly leaderChange: number;
  readonly snapshotInstall: number;
  readonly configurationChange: number;
  readonly diskFault: number;
}

/** Adds up what seeds did. */
export class Report {
  #seeds = 0;
  #broken = 0;
  #operations = 0;
  #steps = 0;
  #virtualMs = 0;
  readonly #reached = { leaderChange: 0, snapshotInstall: 0, configurationChange: 0, diskFault: 0 };
  readonly #effects = new Map<FaultKind, number>();

  add(result: SeedResult): void {
    this.#seeds++;
    this.#operations += result.operations;
    this.#steps += result.steps;
    this.#virtualMs += result.virtualMs;
    if (result.broken !== undefined) this.#broken++;
    const reached = this.#reached;
    if (result.leaderTerms > 1) reached.leaderChange++;
    if (result.snapshots > 0) reached.snapshotInstall++;
    if (result.memberships > 0) reached.configurationChange++;
    if (DISK_FAULTS.some((kind) => (result.effects.get(kind) ?? 0) > 0)) reached.diskFault++;
    for (const [kind, count] of result.effects) {
      this.#effects.set(kind, (this.#effects.get(kind) ?? 0) + count);
    }
  }

  get seeds(): number {
    return this.#seeds;
  }

  get broken(): number {
    return this.#broken;
  }

  get shares(): Shares {
    const share = (count: number): number => (this.#seeds === 0 ? 0 : count / this.#seeds);
    const { leaderChange, snapshotInstall, configurationChange, diskFault } = this.#reached;
    return {
      leaderChange: share(leaderChange),
      snapshotInstall: share(snapshotInstall),
      configurationChange: share(configurationChange),
      diskFault: share(diskFault),
    };
  }

  lines(seconds: number): readonly string[] {
    const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
    const { leaderChange, snapshotInstall, configurationChange, diskFault } = this.shares;
    const mean = (sum: number): string => (sum / Math.max(this.#seeds, 1)).toFixed(0);
    const effects = FAULT_KINDS.map((kind) => `${kind} ${this.#effects.get(kind) ?? 0}`);
    return [
      `${this.#seeds} seeds, ${this.#broken} broken, ${(this.#seeds / seconds).toFixed(1)} seeds/s; ` +
        `${mean(this.#operations)} operations, ${mean(this.#steps)} steps and ${mean(this.#virtualMs)} ms a seed`,
      `seeds with a leader change ${percent(leaderChange)}, a snapshot install ${percent(snapshotInstall)}, ` +
        `a configuration change ${percent(configurationChange)}, a disk fault ${percent(diskFault)}`,
      `faults that had an effect: ${effects.join(", ")}`,
    ];
  }
}
