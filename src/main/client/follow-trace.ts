import { setTimeout as sleep } from "node:timers/promises";
import { say } from "../command-line-parts.js";
import { AskedServer, LostServer } from "./asked-server.js";
import type { Facts } from "./asked-server.js";
import type { Session } from "./session.js";

const AGAIN_MS = 2_000;

export interface TraceOptions {
  readonly session: Session;
  /** PEM text. */
  readonly ca: string;
  readonly signal: AbortSignal;
  /** Each line, with the name of its server. */
  readonly told: (line: Facts) => void;
}

/**
 * What one fan-out tells of `subject` until the signal, also when the connection is lost or the server starts again. Fails where
 * another attempt would fail alike.
 */
export async function followTrace(
  url: string,
  subject: object,
  { session, ca, signal, told }: TraceOptions,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const server = await AskedServer.open(url, session, ca, (line) => {
        told({ server: server.name, ...line });
      });
      signal.addEventListener("abort", () => server.close(), { once: true });
      if (isAborted(signal)) server.close();
      await server.ask("trace", subject);
      say(`tracing on ${server.name}`);
      throw await server.ended;
    } catch (cause) {
      if (isAborted(signal)) return;
      if (!(cause instanceof LostServer)) throw cause;
      say(`${cause.message}: connecting again`);
    }
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Asked again after every await: the type system would take the first answer for the last. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
