import type { ShardPosition } from "../../shards/index.js";
import type { GatewayClock } from "../clock.js";
import type { Call } from "../handlers.js";
import type { Hearing } from "./hearing.js";

/** What ended is over within 5 s: what is known of a session may be half as old by itself. */
const LOOK_MS = 1_000;

/** Looks whether a caller may go on hearing, also while nothing happens in the shard and no event comes. */
export class Standing {
  readonly #clock: GatewayClock;
  readonly #call: Call;
  readonly #hearing: Hearing;
  readonly #ended = new AbortController();
  /** How far the shard had gone when the right was not asked for. */
  #passed: ShardPosition | undefined;
  #cancel: () => void = () => undefined;
  #isClosed = false;

  constructor(clock: GatewayClock, call: Call, hearing: Hearing) {
    this.#clock = clock;
    this.#call = call;
    this.#hearing = hearing;
    this.#lookLater();
  }

  /** Aborted with why it may not. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  passed(place: ShardPosition): void {
    this.#passed = place;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#clock.after(LOOK_MS, () => {
      this.#look().then(
        () => this.#lookLater(),
        (cause: unknown) => this.#ended.abort(cause),
      );
    });
  }

  async #look(): Promise<void> {
    await this.#call.recheck();
    const place = this.#passed;
    if (place === undefined) return;
    this.#passed = undefined;
    await this.#hearing.hear([], place);
  }
}
