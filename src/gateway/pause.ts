import type { GatewayClock } from "./clock.js";

/** Resolves after a while, or as soon as the call is given up. */
export async function pause(
  clock: GatewayClock,
  delayMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const cancel = clock.after(delayMs, done);
    function done(): void {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
