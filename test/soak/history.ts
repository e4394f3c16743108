export interface Heard {
  readonly sequence: number;
  readonly channel: string;
  readonly value: string;
}

/**
 * What was heard without a hole: all of it; where a right comes and goes, from when it was given until it was taken; of what
 * was chosen, while the choice was the same.
 */
export interface Run {
  /** Where each channel began, as the server said; one that was chosen before, too, where it began then. */
  readonly begins: ReadonlyMap<string, string>;
  /** The server said that this is the first that may be heard, for the right was given anew. */
  readonly isAnew: boolean;
  /** These are all that is chosen; not while the server may have told no more than what was dropped. */
  readonly isWhole: boolean;
  /** By shard. */
  readonly heard: Map<string, Heard[]>;
  /**
   * Whether the right has ended; and whether that was while this connection may have been behind, or there was none. Or whether
   * other channels were chosen, with which the next run goes on.
   */
  end: "open" | "cut-live" | "cut-behind" | "rechosen";
}

type Places = ReadonlyMap<string, string>;

/** What a subscriber heard, and from where it goes on. Its channels have one position together. */
export class History {
  readonly runs: Run[] = [];
  /** That is going on; undefined while it may not hear anything. */
  #run: Run | undefined;
  #base: readonly string[] = [];
  readonly #newest = new Map<string, string>();

  get isGoingOn(): boolean {
    return this.#run !== undefined;
  }

  /** What a subscription goes on from. */
  get since(): readonly string[] {
    return [...this.#base, ...this.#newest.values()];
  }

  begin(begins: Places, isAnew: boolean): void {
    this.#add({ begins, isAnew, isWhole: true, heard: new Map(), end: "open" });
    this.#goOnFrom([...begins.values()]);
  }

  end(end: "cut-live" | "cut-behind"): void {
    if (this.#run !== undefined) this.#run.end = end;
    this.#run = undefined;
    this.#goOnFrom([]);
  }

  /** A new connection has these, and all of them are where the last one was, or begin. */
  restored(answered: Places): void {
    this.#choose([...answered], { isWhole: true });
    this.#goOnFrom([...answered.values()]);
  }

  /** These were chosen besides; up to `position` everything was sent, on all channels. */
  chosen(begun: Places, position: string): void {
    this.#choose([...begun, ...(this.#run?.begins ?? [])], { isWhole: true });
    this.#goOnFrom([position]);
  }

  dropped(channels: readonly string[]): void {
    const begins = [...(this.#run?.begins ?? [])];
    const left = begins.filter(([channel]) => !channels.includes(channel));
    this.#choose(left, { isWhole: false });
  }

  /** False where nothing may be heard now. */
  hear(shard: string, position: string, heard: Heard): boolean {
    if (this.#run === undefined) return false;
    this.#newest.set(shard, position);
    const before = this.#run.heard.get(shard);
    if (before === undefined) this.#run.heard.set(shard, [heard]);
    else before.push(heard);
    return true;
  }

  #choose(chosen: readonly (readonly [string, string])[], { isWhole }: Pick<Run, "isWhole">): void {
    const before = this.#run;
    const begins = new Map(
      chosen.map(([channel, position]) => [channel, before?.begins.get(channel) ?? position]),
    );
    if (before !== undefined) {
      const isSame =
        begins.size === before.begins.size &&
        [...begins.keys()].every((channel) => before.begins.has(channel));
      if (isSame && before.isWhole === isWhole) return;
      before.end = "rechosen";
    }
    this.#add({ begins, isAnew: false, isWhole, heard: new Map(), end: "open" });
  }

  #add(run: Run): void {
    this.#run = run;
    this.runs.push(run);
  }

  #goOnFrom(positions: readonly string[]): void {
    this.#base = positions;
    this.#newest.clear();
  }
}
