import { cpuSeconds } from "../cpu.js";
import { drive } from "../closed-loop.js";
import { percentile } from "../percentile.js";

const CALLERS = 16;
const IDLE_MS = 1000;
/** Asked in turn so often: what else the machine does meanwhile meets all of them alike. */
const ROUNDS = 5;

/** A server and one call to it. */
export interface Called {
  readonly over: string;
  readonly pids: readonly number[];
  readonly call: () => Promise<void>;
}

/** Microseconds of CPU a call, as the rounds had it. */
export interface Spread {
  readonly perSecond: number;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface CallCost {
  readonly over: string;
  /** At one rate for all. */
  readonly steady: Spread;
  /** By as many callers for all, each of whom asks again once it was answered. */
  readonly busy: Spread;
  /** Percent of a processor while nothing is asked, which the others do not contain. */
  readonly idlePercent: number;
}

export interface CostOptions {
  /** A rate that every server can keep up. */
  readonly perSecond: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** Calls of each server before anything counts: what it runs for them has then been compiled as well as it ever is. */
  readonly warmUpCalls: number;
  readonly beforeRound: () => Promise<void>;
}

/**
 * What one call costs a server, all of them asked by the same client, as often, after as many calls. At an equal rate every call
 * pays for waking up; by equal callers what is done once a turn is spread over what came in it. What a process does while it is
 * idle is taken off: a cluster has things to do besides.
 */
export async function measureCallCosts(
  servers: readonly Called[],
  { perSecond, seconds, warmUpCalls, beforeRound }: CostOptions,
): Promise<readonly CallCost[]> {
  for (const { call } of servers) await callOften(call, warmUpCalls);
  const measured = servers.map((server) => ({
    server,
    idle: [] as number[],
    steady: [] as Cost[],
    busy: [] as Cost[],
  }));
  for (let round = 0; round < ROUNDS; round++) {
    await beforeRound();
    for (const { server, idle, steady, busy } of measured) {
      const { pids, call } = server;
      const idlePerSecond = (await cpuDuring(pids, () => pause(IDLE_MS))).cpuPerSecond;
      idle.push(idlePerSecond);
      const cost = async (ask: () => Promise<number>): Promise<Cost> => {
        let calls = 0;
        const during = await cpuDuring(pids, async () => {
          calls = await ask();
        });
        const cpuSeconds = (during.cpuPerSecond - idlePerSecond) * during.seconds;
        return { micros: (cpuSeconds * 1e6) / calls, perSecond: calls / during.seconds };
      };
      steady.push(await cost(() => callSteadily(call, perSecond, seconds)));
      busy.push(await cost(async () => (await drive(CALLERS, seconds, call)).tookMs.length));
    }
  }
  return measured.map(({ server, idle, steady, busy }) => ({
    over: server.over,
    steady: spreadOf(steady),
    busy: spreadOf(busy),
    idlePercent: percentile(idle, 0.5) * 100,
  }));
}

interface Cost {
  readonly micros: number;
  readonly perSecond: number;
}

function spreadOf(costs: readonly Cost[]): Spread {
  const micros = costs.map((cost) => cost.micros);
  return {
    perSecond: percentile(
      costs.map((cost) => cost.perSecond),
      0.5,
    ),
    median: percentile(micros, 0.5),
    least: Math.min(...micros),
    most: Math.max(...micros),
  };
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

/** Fails if one fails. */
async function callOften(call: () => Promise<void>, calls: number): Promise<void> {
  let left = calls;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (left-- > 0) await call();
    }),
  );
}

/** Begins each call when its time has come, whatever became of those before. Fails if one fails. */
async function callSteadily(
  call: () => Promise<void>,
  perSecond: number,
  seconds: number,
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
