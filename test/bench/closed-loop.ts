import { cpuSeconds } from "./cpu.js";

/** What one load measured. */
export interface Measured {
  readonly inFlight: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all measured processes together. */
  readonly cpuMicrosPerCall: number;
  readonly failures: number;
}

/** Keeps a number of calls in flight for a while, after a short warm-up that does not count. */
export async function closedLoop(options: {
  readonly inFlight: number;
  readonly seconds: number;
  readonly pids: readonly number[];
  readonly call: (n: number) => Promise<void>;
}): Promise<Measured> {
  const { inFlight, seconds, pids, call } = options;
  let next = 0;
  await drive(inFlight, 0.5, () => call(next++));
  const cpuBefore = cpuSeconds(pids);
  const startMs = performance.now();
  const { tookMs, failures } = await drive(inFlight, seconds, () => call(next++));
  const elapsed = (performance.now() - startMs) / 1000;
  const cpu = cpuSeconds(pids) - cpuBefore;
  tookMs.sort((a, b) => a - b);
  return {
    inFlight,
    perSecond: tookMs.length / elapsed,
    p50Ms: tookMs[Math.floor(tookMs.length * 0.5)] ?? NaN,
    p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? NaN,
    cpuMicrosPerCall: (cpu * 1e6) / tookMs.length,
    failures,
  };
}

async function drive(
  inFlight: number,
  seconds: number,
  call: () => Promise<void>,
): Promise<{ readonly tookMs: number[]; readonly failures: number }> {
  const endMs = performance.now() + seconds * 1000;
  const tookMs: number[] = [];
  let failures = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < endMs) {
        const startMs = performance.now();
        try {
          await call();
          tookMs.push(performance.now() - startMs);
        } catch {
          failures++;
        }
      }
    }),
  );
  return { tookMs, failures };
}
