import { setTimeout as sleep } from "node:timers/promises";
import { cpuSeconds } from "../cpu.js";
import { percentile } from "../percentile.js";
import type { HttpVersion } from "./http-load.js";

const CALLERS = 16;
const IDLE_MS = 1000;
/** Of each stretch: many short ones tell more than a few long ones, for what else the machine does comes and goes. */
const STRETCH_MS = 1000;
/** Asked of each server before a stretch: whatever connection was closed since is open again. */
const OPENING_CALLS = 64;

/** One of those that are compared. */
export interface Server {
  readonly name: string;
  readonly pids: readonly number[];
}

export interface Called {
  readonly server: Server;
  readonly call: () => Promise<void>;
}

/** The same question to every server that can be asked it over one protocol and version of HTTP. */
export interface Comparison {
  readonly protocol: string;
  readonly http: HttpVersion;
  readonly called: readonly Called[];
}

/** What calls cost while each server was asked as many. */
export interface Costs {
  /** Calls of each server, at the median of the rounds. */
  readonly perSecond: number;
  /** Microseconds of CPU a call, one number a round, by the server's name. */
  readonly micros: Readonly<Record<string, readonly number[]>>;
}

export interface ComparedCosts {
  readonly protocol: string;
  readonly http: HttpVersion;
  /** At one rate. */
  readonly steady: Costs;
  /** By callers who ask again once they were answered. */
  readonly busy: Costs;
}

export interface CallCosts {
  readonly compared: readonly ComparedCosts[];
  /** Percent of a processor while nothing is asked, by the server's name. The costs do not contain it. */
  readonly idlePercent: Readonly<Record<string, number>>;
}

export interface CostOptions {
  /** A rate that all servers together can keep up. */
  readonly perSecond: number;
  readonly rounds: number;
  /** Calls of each server, each way, before anything counts: what it runs for them has then been compiled as well as ever. */
  readonly warmUpCalls: number;
  /** Called again before a minute or two have passed, while nothing is asked. */
  readonly renew: () => Promise<void>;
}

/**
 * What one call costs servers that are asked together, call by call: all meet the same machine, the same neighbours on it and the
 * same arrivals. At an equal rate every call pays for waking up; by callers who do not wait what is done once a turn of the event
 * loop is spread over what came in it. What a process does while nothing is asked is taken off: a cluster has things to do
 * besides.
 */
export async function compareCallCosts(
  comparisons: readonly Comparison[],
  { perSecond, rounds, warmUpCalls, renew }: CostOptions,
): Promise<CallCosts> {
  for (const { called } of comparisons) {
    await renew();
    await askUntil(called, (turns) => turns >= warmUpCalls);
  }
  const servers = [
    ...new Set(comparisons.flatMap(({ called }) => called.map((one) => one.server))),
  ];
  const idle: Stretch[] = [];
  const measured = comparisons.map((comparison) => ({
    ...comparison,
    steady: [] as Stretch[],
    busy: [] as Stretch[],
  }));
  for (let round = 0; round < rounds; round++) {
    await renew();
    idle.push(await stretchOf(servers, () => pause(IDLE_MS)));
    for (const { called, steady, busy } of measured) {
      const asked = called.map(({ server }) => server);
      await askUntil(called, (turns) => turns >= OPENING_CALLS);
      steady.push(await stretchOf(asked, () => askSteadily(called, perSecond)));
      const endMs = performance.now() + STRETCH_MS;
      busy.push(await stretchOf(asked, () => askUntil(called, () => performance.now() >= endMs)));
    }
  }
  const idleCpu = (server: string): number => median(idle.map(({ cpu }) => cpu[server] ?? NaN));
  return {
    compared: measured.map(({ protocol, http, called, steady, busy }) => {
      const names = called.map(({ server }) => server.name);
      const costs = (stretches: readonly Stretch[]) => costsOf(names, stretches, idleCpu);
      return { protocol, http, steady: costs(steady), busy: costs(busy) };
    }),
    idlePercent: Object.fromEntries(servers.map(({ name }) => [name, idleCpu(name) * 100])),
  };
}

/** What was measured in one stretch of time. */
interface Stretch {
  readonly callsPerSecond: number;
  /** Of a processor, by the server's name. */
  readonly cpu: Readonly<Record<string, number>>;
}

function costsOf(
  servers: readonly string[],
  stretches: readonly Stretch[],
  idleCpu: (server: string) => number,
): Costs {
  const micros = (server: string): number[] =>
    stretches.map(
      ({ cpu, callsPerSecond }) =>
        (((cpu[server] ?? NaN) - idleCpu(server)) * 1e6) / callsPerSecond,
    );
  return {
    perSecond: median(stretches.map(({ callsPerSecond }) => callsPerSecond)),
    micros: Object.fromEntries(servers.map((server) => [server, micros(server)])),
  };
}

/** `run` says how many calls it made of each server. */
async function stretchOf(servers: readonly Server[], run: () => Promise<number>): Promise<Stretch> {
  const before = servers.map(({ pids }) => cpuSeconds(pids));
  const startMs = performance.now();
  const calls = await run();
  const seconds = (performance.now() - startMs) / 1000;
  const used = servers.map(({ pids }, n) => cpuSeconds(pids) - (before[n] ?? NaN));
  return {
    callsPerSecond: calls / seconds,
    cpu: Object.fromEntries(servers.map(({ name }, n) => [name, (used[n] ?? NaN) / seconds])),
  };
}

/**
 * Callers who ask all servers at once, and again when all have answered: to each of them calls arrive in the same bunches. Fails
 * if one fails.
 */
async function askUntil(
  called: readonly Called[],
  isDone: (turns: number) => boolean,
): Promise<number> {
  let turns = 0;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (!isDone(turns)) {
        await Promise.all(inTurn(called, turns++).map(({ call }) => call()));
      }
    }),
  );
  return turns;
}

/** Spreads the calls of all servers evenly over the time, whatever becomes of those before. Fails if one fails. */
async function askSteadily(called: readonly Called[], perSecond: number): Promise<number> {
  const turns = (perSecond * STRETCH_MS) / 1000;
  const order = Array.from({ length: turns }, (_, turn) => inTurn(called, turn)).flat();
  const betweenMs = STRETCH_MS / order.length;
  await Promise.all(
    order.map(async ({ call }, n) => {
      await pause(n * betweenMs);
      await call();
    }),
  );
  return turns;
}

/** In each turn in another order, so that none comes always after the same other. */
function inTurn(called: readonly Called[], turn: number): readonly Called[] {
  const first = turn % called.length;
  const rotated = [...called.slice(first), ...called.slice(0, first)];
  const isForwards = Math.floor(turn / called.length) % 2 === 0;
  return isForwards ? rotated : rotated.toReversed();
}

function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** No call. */
async function pause(ms: number): Promise<number> {
  await sleep(ms);
  return 0;
}
