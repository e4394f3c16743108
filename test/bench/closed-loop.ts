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

export interface Load {
  readonly tookMs: readonly number[];
  readonly failures: number;
}

/** Keeps a number of calls in flight for a while, after a short warm-up that does not count. */
export async function closedLoop(options: {
  readonly inFlight: number;
  readonly seconds: number;
  readonly pids: readonly number[];
  readonly call: (n: number) => Promise<void>;
}): Promise<Measured> {
  const { inFlight, pids, call } = options;
  let next = 0;
  await drive(inFlight, 0.5, () => call(next++));
  const cpuBefore = cpuSeconds(pids);
  const startMs = performance.now();
  const load = await drive(inFlight, options.seconds, () => call(next++));
  const seconds = (performance.now() - startMs) / 1000;
  return summarize(load, { inFlight, seconds, cpuSeconds: cpuSeconds(pids) - cpuBefore });
}

export function summarize(
  { tookMs, failures }: Load,
  during: { readonly inFlight: number; readonly seconds: number; readonly cpuSeconds: number },
): Measured {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const { inFlight, seconds } = during;
  return {
    inFlight,
    perSecond: sorted.length / seconds,
    p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
    cpuMicrosPerCall: (during.cpuSeconds * 1e6) / sorted.length,
    failures,
  };
}

/** Calls as fast as they are answered, so many at a time. */
export async function drive(
  inFlight: number,
  seconds: number,
  call: () => Promise<void>,
): Promise<Load> {
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
