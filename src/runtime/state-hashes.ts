interface HashAt {
  readonly index: number;
  readonly hash: Uint8Array;
}

/** So many entries back a replica can still say what its state was. */
const KEPT_MAX = 4096;

/** The hashes of the state after each of the entries that were applied last, for replicas to be compared at equal index. */
export class StateHashes {
  #kept: HashAt[] = [];

  applied(index: number, hash: Uint8Array): void {
    this.#kept.push({ index, hash });
    if (this.#kept.length >= 2 * KEPT_MAX) this.#kept = this.#kept.slice(-KEPT_MAX);
  }

  reset(): void {
    this.#kept = [];
  }

  find(index: number): Uint8Array | undefined {
    const first = this.#kept[0];
    return first === undefined ? undefined : this.#kept[index - first.index]?.hash;
  }
}
