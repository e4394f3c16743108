import type { Limits } from "./limits.js";

/** What has to be done about a silent client. */
export type VitalSign = "alive" | "ping" | "dead";

/** Whether the other side of a socket is there. */
export class VitalSigns {
  readonly #limits: Limits;
  #lastHeardMs: number;
  #lastPingMs: number;
  #unsentBefore = 0;

  /** `random` spreads the first pings, so that thousands that came at once are not pinged at once. */
  constructor(limits: Limits, nowMs: number, random: number) {
    this.#limits = limits;
    this.#lastHeardMs = nowMs;
    this.#lastPingMs = nowMs - random * limits.pingMs;
  }

  heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
  }

  look(nowMs: number, unsentBytes: number): VitalSign {
    const { pingMs, pongMs } = this.#limits;
    // Who takes what we send is alive, even if a pong waits behind it.
    if (unsentBytes < this.#unsentBefore) this.#lastHeardMs = nowMs;
    this.#unsentBefore = unsentBytes;
    if (nowMs - this.#lastHeardMs >= pingMs + pongMs) return "dead";
    if (nowMs - this.#lastPingMs < pingMs) return "alive";
    this.#lastPingMs = nowMs;
    return "ping";
  }
}
