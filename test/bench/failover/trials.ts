import { setTimeout as sleep } from "node:timers/promises";

export const SIGNALS = ["SIGKILL", "SIGSTOP", "SIGTERM"] as const;
export type FailoverSignal = (typeof SIGNALS)[number];

/** Three members of which one leads. */
export interface Group {
  /** Resolves once all members are there and close to each other; the leader's number. */
  settled(): Promise<number>;
  signal(member: number, signal: NodeJS.Signals): void;
  /** Brings a member back that got the signal. */
  restore(member: number, signal: FailoverSignal): Promise<void>;
  /** True if the member took a write. */
  put(member: number): Promise<boolean>;
}

export interface Failover {
  readonly system: string;
  readonly signal: FailoverSignal;
  readonly tookMs: readonly number[];
}

const MEMBERS = [0, 1, 2];
const ASK_AGAIN_MS = 2;
const GIVE_UP_MS = 30_000;
/** So that the moment of the signal has nothing to do with the last heartbeat. */
const REST_MS_MAX = 100;

export async function measureFailover(
  system: string,
  group: Group,
  signal: FailoverSignal,
  trials: number,
): Promise<Failover> {
  const tookMs: number[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const leader = await group.settled();
    await sleep(Math.random() * REST_MS_MAX);
    const startMs = performance.now();
    group.signal(leader, signal);
    tookMs.push(await firstWrite(group, leader, startMs));
    await group.restore(leader, signal);
  }
  process.stderr.write(`${system}: ${signal} done\n`);
  return { system, signal, tookMs };
}

/** Asks the two others, each as often as it answers, until one of them takes a write. */
async function firstWrite(group: Group, leader: number, startMs: number): Promise<number> {
  let tookMs: number | undefined;
  const ask = async (member: number): Promise<void> => {
    while (tookMs === undefined) {
      if (await group.put(member)) tookMs ??= performance.now() - startMs;
      else await sleep(ASK_AGAIN_MS);
      if (performance.now() - startMs > GIVE_UP_MS) throw new Error("no write was taken");
    }
  };
  await Promise.all(MEMBERS.filter((member) => member !== leader).map(ask));
  if (tookMs === undefined) throw new Error("no write was taken");
  return tookMs;
}
