import { cpuSeconds } from "../cpu.js";
import { drive } from "../closed-loop.js";

const CALLERS = 8;
const WARM_UP_SECONDS = 4;

/** A server and one call to it. */
export interface Called {
  readonly over: string;
  readonly pids: readonly number[];
  readonly call: () => Promise<void>;
}

export interface CallCost {
  readonly over: string;
  readonly perSecond: number;
  /** While nothing is asked, for each of as many calls as there were. */
  readonly idleMicros: number;
  /** What the processes used beside that, for each call. */
  readonly cpuMicros: number;
}

/**
 * What one call costs a server at a rate that every server can keep up: one that is asked more often spreads what it does once a
 * turn over more calls. Each is warmed up first with as many calls as it can take, and each is measured while it is idle, too: a
 * cluster has things to do besides.
 */
export async function measureCallCosts(
  servers: readonly Called[],
  rate: { readonly perSecond: number; readonly seconds: number },
): Promise<readonly CallCost[]> {
  const costs: CallCost[] = [];
  for (const { over, pids, call } of servers) {
    await drive(CALLERS, WARM_UP_SECONDS, call);
    const idle = await cpuDuring(pids, () => pause(rate.seconds * 1000));
    let calls = 0;
    const busy = await cpuDuring(pids, async () => {
      calls = await callSteadily(call, rate);
    });
    costs.push({
      over,
      perSecond: calls / busy.seconds,
      idleMicros: (idle.cpuPerSecond * busy.seconds * 1e6) / calls,
      cpuMicros: ((busy.cpuPerSecond - idle.cpuPerSecond) * busy.seconds * 1e6) / calls,
    });
  }
  return costs;
}

async function cpuDuring(
  pids: readonly number[],
  run: () => Promise<void>,
): Promise<{ readonly seconds: number; readonly cpuPerSecond: number }> {
  const cpuBefore = cpuSeconds(pids);
  const startMs = performance.now();
  await run();
  const seconds = (performance.now() - startMs) / 1000;
  return { seconds, cpuPerSecond: (cpuSeconds(pids) - cpuBefore) / seconds };
}

/** Begins each call when its time has come, whatever became of those before. Fails if one fails. */
async function callSteadily(
  call: () => Promise<void>,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<number> {
  const startMs = performance.now();
  const calls: Promise<void>[] = [];
  for (let n = 0; n < perSecond * seconds; n++) {
    const waitMs = startMs + (n * 1000) / perSecond - performance.now();
    if (waitMs > 1) await pause(waitMs);
    calls.push(call());
  }
  await Promise.all(calls);
  return calls.length;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
