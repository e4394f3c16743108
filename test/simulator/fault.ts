import type { SeededRandom } from "../raft/seeded-random.js";
import type { SimulatedCluster } from "./cluster.js";

/** Does something bad for a while, undoes it, and says whether it had any effect. */
export type Fault = (cluster: SimulatedCluster, random: SeededRandom) => Promise<boolean>;

/** Mostly short, sometimes several election timeouts. */
export function drawDurationMs(random: SeededRandom): number {
  return 80 + random.next() ** 2 * 1600;
}
