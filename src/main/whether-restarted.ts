const ASK_AGAIN_MS = 250;

/** Time as it goes; a test has its own. */
export interface Time {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

export interface RestartWait {
  /** Its name. */
  readonly node: string;
  /** How often its store was opened, as the node says; fails while it does not answer. */
  readonly bootOf: () => Promise<bigint>;
  /** What it said before it was told to restart. */
  readonly before: bigint;
  /** Whoever answers for so long, and is the process of before, is not restarted any more. */
  readonly graceMs: number;
  /** For one that is away to be back. */
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
  readonly time: Time;
}

/** Whether a node was started again, once it answers. Throws if it does not in time. */
export async function whetherRestarted(wait: RestartWait): Promise<boolean> {
  const startMs = wait.time.nowMs();
  let silentMs = startMs;
  for (;;) {
    wait.stop.throwIfAborted();
    let silence: unknown;
    const boot = await wait.bootOf().catch((cause: unknown) => {
      silence = cause;
      return undefined;
    });
    const nowMs = wait.time.nowMs();
    if (boot === undefined) silentMs = nowMs;
    else if (boot !== wait.before) return true;
    else if (nowMs - silentMs >= wait.graceMs) return false;
    if (nowMs - startMs > wait.timeoutMs) {
      throw new Error(`${wait.node} does not answer since it was told to restart`, {
        cause: silence,
      });
    }
    await wait.time.sleep(ASK_AGAIN_MS);
  }
}
