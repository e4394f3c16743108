export interface EventuallyOptions {
  /** Bounds a hang and asserts nothing. */
  readonly timeoutMs?: number;
  /** Between two questions at least, where each costs who is asked a lot. */
  readonly pauseMs?: number;
  /** What is waited for, for the message when it never comes. */
  readonly what?: string;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 60_000;
const PAUSE_MS = 10;

/** Asks again and again until there is an answer: anything but undefined, false and a failure. */
export async function eventually<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  options: EventuallyOptions = {},
): Promise<T> {
  const endMs = performance.now() + (options.timeoutMs ?? TIMEOUT_MS);
  let failure: unknown;
  while (performance.now() < endMs) {
    options.signal?.throwIfAborted();
    const askedMs = performance.now();
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    // Who waits must not keep from its work what is waited for.
    const pauseMs = Math.max(options.pauseMs ?? PAUSE_MS, performance.now() - askedMs);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new Error(`waited in vain for ${options.what ?? ask.toString()}`, { cause: failure });
}
