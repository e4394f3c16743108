/**
 * The same items, until the signal aborts: then it throws the signal's reason, even if the source never says anything
 * again. The source is told to return, and not waited for.
 */
export async function* untilAborted<Item>(
  source: AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item, void, undefined> {
  const items = source[Symbol.asyncIterator]();
  let done = false;
  try {
    for (;;) {
      const result = await next(items, signal);
      if (result.done === true) {
        done = true;
        return;
      }
      yield result.value;
    }
  } finally {
    if (!done) void Promise.resolve(items.return?.()).catch(() => undefined);
  }
}

/** One listener an item, taken off again: a race with one lasting promise would keep every item that lost. */
function next<Item>(
  items: AsyncIterator<Item>,
  signal: AbortSignal,
): Promise<IteratorResult<Item, unknown>> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      const reason: unknown = signal.reason;
      reject(reason instanceof Error ? reason : new Error("aborted", { cause: reason }));
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    const settle = (end: () => void) => {
      signal.removeEventListener("abort", abort);
      end();
    };
    items.next().then(
      (result) => settle(() => resolve(result)),
      (failure: unknown) =>
        settle(() => reject(failure instanceof Error ? failure : new Error(String(failure)))),
    );
  });
}
