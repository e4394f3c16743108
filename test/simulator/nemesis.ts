import type { SeededRandom } from "../raft/seeded-random.js";
import type { SimulatedCluster } from "./cluster.js";
import { damagedEntry, failingDisk, forgetfulDisk, slowDisk } from "./disk-faults.js";
import type { Fault } from "./fault.js";
import { leaveJoint, membership } from "./membership-faults.js";
import {
  bridge,
  delay,
  duplicates,
  isolation,
  loss,
  oneWayCut,
  reordering,
} from "./network-faults.js";
import type { FaultKind } from "./plan.js";
import { blackout, clockJump, kill, pause, powerCut, restart, transfer } from "./process-faults.js";

const FAULTS: Readonly<Record<FaultKind, Fault>> = {
  loss,
  delay,
  duplicates,
  reordering,
  isolation,
  "one-way-cut": oneWayCut,
  bridge,
  kill,
  "power-cut": powerCut,
  blackout,
  pause,
  "clock-jump": clockJump,
  "slow-disk": slowDisk,
  "failing-disk": failingDisk,
  "forgetful-disk": forgetfulDisk,
  "damaged-entry": damagedEntry,
  restart,
  transfer,
  membership,
};

export const EFFECTS_MIN = 3;
/** A seed whose faults have no effect for so long is one where something is wrong with the faults. */
const CHAOS_MS_MAX = 60_000;

/** Felt in whatever state the cluster is. */
const ALWAYS_FELT: readonly FaultKind[] = ["kill", "pause"];

/** Draws faults and counts those that had an effect. */
export class Nemesis {
  readonly effects = new Map<FaultKind, number>();
  readonly #cluster: SimulatedCluster;
  readonly #random: SeededRandom;
  #isMembershipChanging = false;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    this.#random = cluster.streams.of("nemesis");
  }

  get total(): number {
    return [...this.effects.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Two at a time, so that faults meet. */
  async run(): Promise<void> {
    await Promise.all([this.#torment(), this.#torment()]);
  }

  /** Everything is well again. */
  async heal(): Promise<void> {
    const { network, nodes, plan } = this.#cluster;
    network.healAll();
    for (const node of nodes) {
      node.disk.becomeNormal();
      node.clock.rate = 1;
      node.life?.resume();
      node.start();
    }
    if (plan.faults.includes("membership")) await leaveJoint(this.#cluster);
  }

  async #torment(): Promise<void> {
    const { time, plan } = this.#cluster;
    await time.sleep(this.#random.next() * 600);
    for (;;) {
      await time.sleep(this.#random.next() * plan.quietMsMax);
      const isLong = time.nowMs >= plan.chaosMs;
      if ((isLong && this.total >= EFFECTS_MIN) || time.nowMs > CHAOS_MS_MAX) return;
      const kinds = isLong ? [...plan.faults, ...ALWAYS_FELT] : plan.faults;
      await this.#inflict(this.#random.pick(kinds) ?? "kill");
    }
  }

  async #inflict(kind: FaultKind): Promise<void> {
    // One change of members at a time, as an operator makes them.
    if (kind === "membership" && this.#isMembershipChanging) return;
    if (kind === "membership") this.#isMembershipChanging = true;
    this.#cluster.note(`${kind} begins`);
    const hadEffect = await FAULTS[kind](this.#cluster, this.#random);
    if (kind === "membership") this.#isMembershipChanging = false;
    this.#cluster.note(`${kind} ends ${hadEffect}`);
    if (hadEffect) this.effects.set(kind, (this.effects.get(kind) ?? 0) + 1);
  }
}
