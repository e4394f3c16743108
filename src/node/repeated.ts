/** Runs once, later; the returned function cancels. */
export type After = (delayMs: number, run: () => void) => () => void;

export interface RepeatedOptions {
  readonly after: After;
  /** From the end of one time to the next. */
  readonly pauseMs: number;
  readonly work: () => Promise<void>;
  /** Hears what ended one time early; the next one comes all the same. */
  readonly failed: (cause: unknown) => void;
}

/** Work that is done again and again until it is closed, never twice at once. What is under way then ends by itself. */
export class Repeated {
  readonly #options: RepeatedOptions;
  #isClosed = false;
  #cancel: () => void = () => undefined;

  constructor(options: RepeatedOptions) {
    this.#options = options;
    this.#again();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #again(): void {
    if (this.#isClosed) return;
    const { after, pauseMs, work, failed } = this.#options;
    this.#cancel = after(pauseMs, () => {
      void work()
        .catch(failed)
        .finally(() => {
          this.#again();
        });
    });
  }
}
