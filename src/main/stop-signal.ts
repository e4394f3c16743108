/** Aborted by the first Ctrl-C or SIGTERM, for work that has something to leave in order; a second one ends the process. */
export function stopSignal(what: string): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => stop.abort(new Error(`${what} was stopped`)));
  }
  return stop.signal;
}
