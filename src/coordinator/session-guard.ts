import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { TokenBucket } from "../base/index.js";
import type { Clock } from "./clock.js";
import type { CoordinatorLimits } from "./limits.js";

const ENHANCE_YOUR_CALM = 11;
const NO_ERROR = 0;
const CANCEL = 8;

/**
 * Ends an HTTP/2 connection whose other side is gone without a word, that opens calls only to break them off
 * (CVE-2023-44487), or that sends pings or settings without end (CVE-2019-9512, 9515): each costs us work, and the client
 * nothing. A call whose answer waits for a window that never opens (CVE-2019-9517) is ended alone.
 */
export function guardSession(
  session: ServerHttp2Session,
  limits: Pick<CoordinatorLimits, "pingMs" | "resetsPerSecondMax" | "controlFramesPerSecondMax">,
  clock: Clock,
): void {
  const resets = new TokenBucket(limits.resetsPerSecondMax, clock.monotonicMs());
  const control = new TokenBucket(limits.controlFramesPerSecondMax, clock.monotonicMs());
  const streams = new Set<ServerHttp2Stream>();
  /** What waited to leave at the last ping, by stream. */
  let waited = new Map<ServerHttp2Stream, number>();
  const calm = (reason: string): void => {
    // With an error, or the code does not reach the client.
    if (!session.destroyed) session.destroy(new Error(reason), ENHANCE_YOUR_CALM);
  };
  const count = (): void => {
    if (control.take(clock.monotonicMs()) > 0) calm("too many pings or settings");
  };
  session.on("ping", count);
  session.on("remoteSettings", count);
  session.on("stream", (stream: ServerHttp2Stream) => {
    streams.add(stream);
    stream.once("close", () => streams.delete(stream));
    stream.once("aborted", () => {
      if (stream.rstCode === NO_ERROR || session.destroyed) return;
      if (resets.take(clock.monotonicMs()) === 0) return;
      calm("too many calls were broken off");
    });
  });
  let cancel = clock.after(limits.pingMs, ping);
  function ping(): void {
    // Destroyed, it does not say so at once; and to ping it then would end the process.
    if (session.destroyed) return;
    endStalled();
    let answered = false;
    session.ping(() => (answered = true));
    cancel = clock.after(limits.pingMs, () => {
      if (answered) ping();
      else session.destroy();
    });
  }
  /** Ends what has not moved since the last ping. */
  function endStalled(): void {
    const waits = new Map<ServerHttp2Stream, number>();
    for (const stream of streams) {
      if (stream.writableLength === 0) continue;
      if (waited.get(stream) === stream.writableLength) stream.close(CANCEL);
      else waits.set(stream, stream.writableLength);
    }
    waited = waits;
  }
  session.once("close", () => cancel());
}
