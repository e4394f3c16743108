const FIRST_MS = 500;
const MAX_MS = 20_000;
const DOUBLINGS_MAX = 16;

/**
 * How long to wait before the nth attempt after a loss: anything up to a bound that doubles from 0.5 s to 20 s, so that
 * those who lost the same server do not come back together.
 */
export function fullJitter(attempt: number, random: () => number): number {
  return random() * Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(attempt, DOUBLINGS_MAX));
}
