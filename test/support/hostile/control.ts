const EVERY_MS = 100;

/** What somebody does ten times a second meanwhile, who does no harm; it must not fail once. */
export class Control {
  readonly #over: Promise<void>;
  #isOver = false;

  constructor(act: () => Promise<void>) {
    this.#over = this.#run(act);
    // It is looked at when the abuse is over.
    this.#over.catch(() => undefined);
  }

  /** Fails where one of them did. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#over;
  }

  async #run(act: () => Promise<void>): Promise<void> {
    do {
      await act();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    } while (!this.#isOver);
  }
}
