import { LRUCache } from "lru-cache";
import { ClusterError } from "../base/index.js";
import type { GatewayClock } from "./clock.js";
import type { ShardCalls } from "./shard-calls.js";
import { SYSTEM } from "./shard-calls.js";

/** How long what is known of a session is believed: the time in which the end of one takes effect everywhere. */
const BELIEVED_MS = 5_000;
/** From here on it is asked again, while what is known is still believed. */
const STALE_MS = 2_500;
/** A call does not wait longer than this to be told that its session has ended. */
const ASK_MS = 300;
/** Where the shard of the users does not answer, a token holds until it ends. */
const UNKNOWN_MS = 1_000;
const SESSIONS_MAX = 20_000;

interface Known {
  readonly alive: boolean;
  /** Monotonic. */
  readonly askedMs: number;
  readonly believedMs: number;
}

/** Which sessions stand, so that one that was ended is refused within seconds though its tokens have not run out. */
export class Sessions {
  readonly #known = new LRUCache<string, Known>({ max: SESSIONS_MAX });
  readonly #asking = new Map<string, Promise<boolean>>();
  readonly #clock: GatewayClock;
  readonly #calls: (timeoutMs: number) => ShardCalls;

  constructor(clock: GatewayClock, calls: (timeoutMs: number) => ShardCalls) {
    this.#clock = clock;
    this.#calls = calls;
  }

  async isAlive(user: string, session: string): Promise<boolean> {
    const known = this.#known.get(session);
    const ageMs = known === undefined ? Infinity : this.#clock.monotonicMs() - known.askedMs;
    if (known === undefined || ageMs >= known.believedMs) return await this.#ask(user, session);
    if (known.alive && ageMs >= STALE_MS) void this.#ask(user, session);
    return known.alive;
  }

  /** What this gateway itself has just seen. */
  note(session: string, alive: boolean): void {
    this.#remember(session, alive, BELIEVED_MS);
  }

  #remember(session: string, alive: boolean, believedMs: number): void {
    this.#known.set(session, { alive, askedMs: this.#clock.monotonicMs(), believedMs });
  }

  #ask(user: string, session: string): Promise<boolean> {
    let asking = this.#asking.get(session);
    if (asking === undefined) {
      asking = this.#read(user, session).finally(() => this.#asking.delete(session));
      this.#asking.set(session, asking);
    }
    return asking;
  }

  /** Never fails. */
  async #read(user: string, session: string): Promise<boolean> {
    try {
      const calls = this.#calls(ASK_MS);
      const question = { kind: "get-session", user, session } as const;
      const { answer } = await calls.read(calls.of("users", user), SYSTEM, question);
      const { revokeTimeMs, expireTimeMs } = answer.session;
      const alive = revokeTimeMs === 0 && expireTimeMs > this.#clock.wallMs();
      this.note(session, alive);
      return alive;
    } catch (cause) {
      const gone = cause instanceof ClusterError && cause.code === "not-found";
      this.#remember(session, !gone, gone ? BELIEVED_MS : UNKNOWN_MS);
      return !gone;
    }
  }
}
