interface Pending<Answer> {
  readonly term: number;
  readonly answer: (answer: Answer | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Unary calls of peers that wait for the replica's own message to answer them. A key may wait several times, as when a
 * candidate campaigns again: the one of the same term is answered, else the oldest, since an answer says its own term.
 */
export class PendingAnswers<Answer> {
  readonly #pending = new Map<string, Pending<Answer>[]>();
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** `answer` is called once: with undefined where the replica said nothing in time. The result forgets the call. */
  add(key: string, term: number, answer: (answer: Answer | undefined) => void): () => void {
    const timer = setTimeout(() => {
      this.#remove(key, entry);
      answer(undefined);
    }, this.#timeoutMs);
    const entry: Pending<Answer> = { term, answer, timer };
    this.#pending.set(key, [...(this.#pending.get(key) ?? []), entry]);
    return () => this.#remove(key, entry);
  }

  /** False where nobody waits: the answer came too late. */
  resolve(key: string, term: number, answer: Answer): boolean {
    const waiting = this.#pending.get(key);
    const entry = waiting?.find((candidate) => candidate.term === term) ?? waiting?.[0];
    if (entry === undefined) return false;
    this.#remove(key, entry);
    entry.answer(answer);
    return true;
  }

  close(): void {
    const all = [...this.#pending].flatMap(([key, waiting]) =>
      waiting.map((entry) => ({ key, entry })),
    );
    for (const { key, entry } of all) {
      this.#remove(key, entry);
      entry.answer(undefined);
    }
  }

  #remove(key: string, entry: Pending<Answer>): void {
    clearTimeout(entry.timer);
    const left = this.#pending.get(key)?.filter((other) => other !== entry) ?? [];
    if (left.length === 0) this.#pending.delete(key);
    else this.#pending.set(key, left);
  }
}
