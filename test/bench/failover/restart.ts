import { EngineGroup } from "./engine-group.js";
import { eventually } from "../../support/eventually.js";

export interface Restart {
  readonly entries: number;
  /** From the start of the process. */
  readonly openMs: number;
  readonly caughtUpMs: number;
}

const IN_FLIGHT = 1024;
const LOAD_SECONDS = 2;
const GIB = 2 ** 30;

/** Fills a log that nobody compacts, kills a follower, and measures how long it takes to be back. */
export async function measureRestart(entries: number): Promise<Restart> {
  const group = await EngineGroup.start({ logEntriesMax: 2 * entries, logBytesMax: 4 * GIB });
  try {
    for (;;) {
      const leader = await group.settled();
      const applied = (await group.places())[leader]?.applied ?? 0;
      process.stderr.write(`${applied} entries\n`);
      if (applied >= entries) break;
      await group.node(leader).load(IN_FLIGHT, LOAD_SECONDS);
    }
    const leader = await group.settled();
    const [follower = 0] = [0, 1, 2].filter((member) => member !== leader);
    const { applied = 0 } = (await group.places())[leader] ?? {};
    group.signal(follower, "SIGKILL");
    await group.node(follower).ended;
    const startMs = performance.now();
    await group.restart(follower);
    const openMs = performance.now() - startMs;
    const place = await eventually(async () => {
      const now = await group.node(follower).place();
      return now.applied >= applied && now;
    });
    const caughtUpMs = performance.now() - startMs;
    return { entries: applied - place.firstIndex + 1, openMs, caughtUpMs };
  } finally {
    group.stop();
  }
}
