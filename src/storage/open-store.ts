import type { ClusterError } from "../base/index.js";
import type { Store } from "../runtime/index.js";
import type { Engine } from "./engine.js";
import { MarkerWriter } from "./marker-writer.js";
import type { After, MarkerMedium } from "./marker-writer.js";
import { ReplicaStore } from "./replica-store.js";
import type { ScrubRate } from "./scrubber.js";
import { StoreHealth } from "./store-health.js";
import { findStore, writeIdentity } from "./store-identity.js";

export interface StoreOptions {
  /**
   * Called once, with the first write that failed: its outcome is unknown and every later call
   * fails, so the process stops. Nothing by default.
   */
  readonly onFatal?: (error: ClusterError) => void;
  /** Runs once, later; the returned function cancels. Default: setTimeout. */
  readonly after?: After;
  /** Source of the store's id when it formats. Default: node:crypto. */
  readonly randomBytes?: (bytes: number) => Uint8Array;
  /** How fast everything is read in the background to find damage. Default: it is not. */
  readonly scrub?: ScrubRate;
}

/** Puts a store together from what its adapter opened; `place` names it in messages. */
export async function openStore(
  engine: Engine,
  medium: MarkerMedium,
  place: string,
  options: StoreOptions,
): Promise<Store> {
  try {
    const found = await findStore(engine, medium, place, options.randomBytes);
    const after = options.after ?? afterTimeout;
    const health = new StoreHealth(options.onFatal ?? (() => undefined));
    const marker = new MarkerWriter(medium, found.marker, after, (error) => health.fail(error));
    const { storeId } = marker;
    if (found.fresh) {
      await marker.write();
      await writeIdentity(engine, { storeId, boot: 0 });
    }
    const boot = found.marker.boot + 1;
    await Promise.all([marker.raiseBoot(boot), writeIdentity(engine, { storeId, boot })]);
    return new ReplicaStore({
      engine,
      marker,
      health,
      fresh: found.fresh,
      after,
      scrub: options.scrub,
    });
  } catch (error) {
    await medium.close();
    await engine.close();
    throw error;
  }
}

function afterTimeout(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
