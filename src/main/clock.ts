/** The clocks of this machine, as the engine and the fan-out see them. */
export const SYSTEM_CLOCK = {
  monotonicMs: (): number => performance.now(),
  wallMs: (): number => Date.now(),
  after: (delayMs: number, run: () => void): (() => void) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (run: () => void): void => {
    setImmediate(run);
  },
};
