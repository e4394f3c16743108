import type { ReplicaId } from "../raft/index.js";
import type { EngineRow } from "./engine.js";
import { CursorReader } from "./cursor-reader.js";
import { DamageError } from "./damage.js";
import { numberedKey, numberOfKey } from "./keys.js";
import { isEntryOf } from "./log-check.js";
import type { After } from "./marker-writer.js";
import type { ReplicaState } from "./replica-state.js";
import { corruptChecksum, corruptRow, isIntact } from "./row-checksum.js";
import { atMoment } from "./state-view.js";
import type { ReadAccess } from "./state-view.js";

export interface ScrubRate {
  /** Read at most. Default of a node: 1 MiB. */
  readonly bytesPerSecond: number;
  /** From the end of one pass over everything to the next. Default of a node: one hour. */
  readonly pauseMs: number;
}

export const DEFAULT_SCRUB: ScrubRate = { bytesPerSecond: 1024 * 1024, pauseMs: 3_600_000 };

export interface ScrubTarget {
  readonly replica: ReplicaId;
  /** As of the round that finished last. */
  state(): ReplicaState;
  /** An entry of the log is not what was written. */
  damagedEntry(index: number): void;
  /** So is a row of the state or the feed. */
  damagedState(error: DamageError): void;
}

const PARTS = ["log", "state", "feed", "feedIndex"] as const;
type Part = (typeof PARTS)[number];

/**
 * Reads everything that nobody asks for, slowly and again and again: damage is found while other replicas still hold what
 * was damaged.
 */
export class Scrubber {
  readonly #access: ReadAccess;
  readonly #after: After;
  readonly #rate: ScrubRate;
  readonly #targets: () => Iterable<ScrubTarget>;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #stopped = false;

  constructor(
    access: ReadAccess,
    after: After,
    rate: ScrubRate,
    targets: () => Iterable<ScrubTarget>,
  ) {
    this.#access = access;
    this.#after = after;
    this.#rate = rate;
    this.#targets = targets;
  }

  /** `fail` is told of a disk that does not answer; damage goes to its target. */
  start(fail: (error: unknown) => void): void {
    this.#running = this.#run().catch(fail);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#pause(this.#rate.pauseMs);
      for (const target of this.#targets()) {
        for (const part of PARTS) await this.#scrubPart(target, part);
      }
    }
  }

  async #scrubPart(target: ScrubTarget, part: Part): Promise<void> {
    let from: Buffer | undefined = boundsOf(target.state(), part).from;
    while (from !== undefined && !this.#stopped) {
      const slice: Slice = await this.#scrubSlice(target, part, from);
      from = slice.next;
      await this.#pause((slice.bytes / this.#rate.bytesPerSecond) * 1000);
    }
  }

  /** One page as of one moment; the part's bounds may have moved since the last one. */
  async #scrubSlice(target: ScrubTarget, part: Part, from: Buffer): Promise<Slice> {
    const { engine, slots, gate } = this.#access;
    let slice: Slice = { bytes: 0, next: undefined };
    try {
      await atMoment(gate, async () => {
        const state = target.state();
        const bounds = boundsOf(state, part);
        const gte = Buffer.compare(from, bounds.from) < 0 ? bounds.from : from;
        if (Buffer.compare(gte, bounds.to) >= 0) return;
        const reader = new CursorReader(
          engine.cursor({ gte, lt: bounds.to }),
          slots,
          target.replica,
        );
        try {
          const page = await reader.nextPage();
          slice = verifyPage(page ?? [], state, part);
        } finally {
          reader.end();
        }
      });
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      if (error instanceof DamagedEntry) target.damagedEntry(error.index);
      else if (part === "log") target.damagedEntry(target.state().applied.index);
      else target.damagedState(error);
    }
    return slice;
  }

  #pause(delayMs: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#after(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

interface Slice {
  readonly bytes: number;
  /** Where to go on; undefined at the part's end, or where damage ended the look at it. */
  readonly next: Buffer | undefined;
}

class DamagedEntry extends DamageError {
  readonly index: number;

  constructor(error: DamageError, index: number) {
    super(error.message);
    this.index = index;
  }
}

function boundsOf(
  { keys, log, applied }: ReplicaState,
  part: Part,
): { readonly from: Buffer; readonly to: Buffer } {
  switch (part) {
    case "log":
      return {
        from: numberedKey(keys.log, log.firstIndex),
        to: numberedKey(keys.log, log.lastIndex + 1),
      };
    case "state":
      return { from: keys.state, to: keys.feed };
    case "feed":
      return { from: numberedKey(keys.feed, applied.firstSequence), to: keys.feedIndex };
    case "feedIndex":
      return { from: keys.feedIndex, to: keys.end };
  }
}

function verifyPage(page: readonly EngineRow[], state: ReplicaState, part: Part): Slice {
  let bytes = 0;
  for (const row of page) {
    const [key, stored] = row;
    bytes += key.length + stored.length;
    if (part === "log") verifyEntry(row, state);
    else if (!isIntact(key, stored)) throw corruptChecksum(key);
  }
  const last = page.at(-1)?.[0];
  return { bytes, next: last === undefined ? undefined : Buffer.concat([last, Buffer.of(0)]) };
}

function verifyEntry(row: EngineRow, { log }: ReplicaState): void {
  const index = numberOfKey(row[0]);
  if (isEntryOf(log, index, row)) return;
  throw new DamagedEntry(corruptRow(row[0], "it is not the entry that was written"), index);
}
