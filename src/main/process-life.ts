import type { Log } from "../observability/index.js";

/** What runs in a process of the cluster, once it does its work. */
export interface RunningProcess {
  /** What its supervisor says of it. */
  readonly about?: Readonly<Record<string, string>>;
  /** Resolves when there is work that it can do. */
  readonly ready: Promise<void>;
  /** Ends what is under way, and everything that was opened. */
  stop(): Promise<void>;
}

const STOP_MS = 10_000;
/** A supervisor that is gone cannot wait for a drain, and whoever starts the next one wants the ports. */
const ORPHAN_STOP_MS = 2000;

/**
 * Runs a process from its start to its exit. It stops on SIGTERM, or SIGINT unless a supervisor stops it in order; it ends
 * when its supervisor does; what nobody caught ends it with code 1, because a state that nobody understands must not vote.
 */
export function liveAs(log: Log, start: () => Promise<RunningProcess>): void {
  const supervised = process.send !== undefined;
  let stopping = false;

  const fail = (message: string, cause: unknown): void => {
    log.error(message, { error: describe(cause) });
    process.exit(1);
  };
  process.on("uncaughtException", (cause) => fail("stopped by an error that nobody caught", cause));
  process.on("unhandledRejection", (cause) =>
    fail("stopped by a promise that nobody owned", cause),
  );

  const running = start();
  const stop = (reason: string, withinMs: number): void => {
    if (stopping) return;
    stopping = true;
    log.info("stopping", { reason });
    setTimeout(() => fail("did not stop in time", reason), withinMs).unref();
    running
      .then((it) => it.stop())
      .then(
        () => process.exit(0),
        (cause: unknown) => fail("did not stop cleanly", cause),
      );
  };
  process.on("SIGTERM", () => stop("SIGTERM", STOP_MS));
  process.on("SIGINT", () => {
    // Ctrl-C reaches every process of a terminal: a supervisor's children wait for their turn.
    if (!supervised) stop("SIGINT", STOP_MS);
  });
  process.on("disconnect", () => stop("the supervisor is gone", ORPHAN_STOP_MS));

  running
    .then(async ({ ready, about }) => {
      await ready;
      if (stopping) return;
      log.info("ready");
      process.send?.({ kind: "ready", about });
    })
    .catch((cause: unknown) => {
      if (!stopping) fail("did not start", cause);
    });
}

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
