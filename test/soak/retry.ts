import { Code, ConnectError } from "@connectrpc/connect";
import { eventually } from "../support/eventually.js";

/** After everything was killed it starts again, one process after the other. */
const ANSWER_MS = 180_000;
const PASSING: ReadonlySet<Code> = new Set([
  ...[Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted, Code.Aborted],
]);
/** An earlier try of the same has done it. */
const DONE: ReadonlySet<Code> = new Set([Code.AlreadyExists, Code.NotFound]);

/** Until it is answered. */
export async function retry(call: () => Promise<unknown>): Promise<void> {
  const isDone = (): Promise<boolean> =>
    call().then(
      () => true,
      (cause: unknown) => {
        const error = ConnectError.from(cause);
        if (DONE.has(error.code)) return true;
        if (PASSING.has(error.code)) return false;
        throw error;
      },
    );
  await eventually(isDone, { timeoutMs: ANSWER_MS, what: "an answer" });
}
