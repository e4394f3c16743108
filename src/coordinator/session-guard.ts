import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { TokenBucket } from "../base/index.js";
import type { Clock } from "./clock.js";
import type { CoordinatorLimits } from "./limits.js";

const ENHANCE_YOUR_CALM = 11;
const NO_ERROR = 0;

/**
 * Ends an HTTP/2 connection whose other side is gone without a word, or that opens calls only to break them off
 * (CVE-2023-44487): each costs us work, and the client nothing.
 */
export function guardSession(
  session: ServerHttp2Session,
  limits: Pick<CoordinatorLimits, "pingMs" | "resetsPerSecondMax">,
  clock: Clock,
): void {
  const resets = new TokenBucket(limits.resetsPerSecondMax, clock.monotonicMs());
  session.on("stream", (stream: ServerHttp2Stream) => {
    stream.once("aborted", () => {
      if (stream.rstCode === NO_ERROR || session.destroyed) return;
      if (resets.take(clock.monotonicMs()) === 0) return;
      // With an error, or the code does not reach the client.
      session.destroy(new Error("too many calls were broken off"), ENHANCE_YOUR_CALM);
    });
  });
  let cancel = clock.after(limits.pingMs, ping);
  function ping(): void {
    let answered = false;
    session.ping(() => (answered = true));
    cancel = clock.after(limits.pingMs, () => {
      if (answered) ping();
      else session.destroy();
    });
  }
  session.once("close", () => cancel());
}
