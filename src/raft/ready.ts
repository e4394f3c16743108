import { startReadRound } from "./read-index.js";
import type { Replica } from "./replica.js";
import type {
  AppendDone,
  AppendWork,
  Entry,
  HardState,
  Message,
  Ready,
  Snapshot,
  SoftState,
} from "./types.js";

/** What `advance` does after a Ready was carried out, in the mode where that is one step. */
interface Carried {
  readonly acknowledgements: readonly Message[];
  readonly done: AppendDone | undefined;
  /** Last entry applied, 0 if none. */
  readonly applied: number;
}

/** Collects the effects since the last call into one Ready. */
export class ReadyBuilder {
  readonly #replica: Replica;
  #softState: SoftState;
  #hardState: HardState;
  #carried: Carried | undefined;

  constructor(replica: Replica) {
    this.#replica = replica;
    this.#softState = replica.softState;
    this.#hardState = replica.hardState;
  }

  hasReady(): boolean {
    const replica = this.#replica;
    const { log } = replica;
    return (
      this.#carried === undefined &&
      (replica.messages.length > 0 ||
        replica.messagesAfterAppend.length > 0 ||
        replica.readStates.length > 0 ||
        replica.reads.hasCollected ||
        log.unstable.hasNextEntries ||
        log.unstable.hasNextSnapshot ||
        log.hasNextCommitted(!replica.settings.asyncStorageWrites) ||
        this.#isHardStateNew() ||
        this.#isSoftStateNew())
    );
  }

  take(): Ready {
    const replica = this.#replica;
    const { log, settings } = replica;
    startReadRound(replica);

    const soft = this.#isSoftStateNew() ? replica.softState : undefined;
    const hard = this.#isHardStateNew() ? replica.hardState : undefined;
    const entries = log.unstable.nextEntries();
    const snapshot = log.unstable.nextSnapshot();
    // What is handed out as appended counts as such for applying in the synchronous mode, not in the other.
    const committed = log.takeNextCommitted(!settings.asyncStorageWrites);
    const { messages, messagesAfterAppend: withheld, readStates } = replica;
    const mustSync =
      entries.length > 0 ||
      snapshot !== undefined ||
      replica.term !== this.#hardState.term ||
      replica.vote !== this.#hardState.vote;
    const work = { entries, hard, snapshot, mustSync };
    const done = appendDone(replica, snapshot);

    log.unstable.acceptInProgress();
    if (soft !== undefined) this.#softState = soft;
    if (hard !== undefined) this.#hardState = hard;
    replica.messages = [];
    replica.messagesAfterAppend = [];
    replica.readStates = [];

    const append = settings.asyncStorageWrites
      ? appendWork(work, withheld, done)
      : appendWork(work, [], undefined);
    if (!settings.asyncStorageWrites) {
      for (const message of withheld) if (message.to !== replica.id) messages.push(message);
      this.#carried = {
        acknowledgements: withheld.filter((message) => message.to === replica.id),
        done,
        applied: committed.at(-1)?.index ?? 0,
      };
    }
    return {
      ...(soft === undefined ? {} : { softState: soft }),
      readStates,
      messages,
      ...(append === undefined ? {} : { append }),
      ...(committed.length === 0 ? {} : { apply: { entries: committed } }),
    };
  }

  takeCarried(): Carried | undefined {
    const carried = this.#carried;
    this.#carried = undefined;
    return carried;
  }

  #isSoftStateNew(): boolean {
    const { leader, role } = this.#replica;
    return leader !== this.#softState.leader || role !== this.#softState.role;
  }

  #isHardStateNew(): boolean {
    const { term, vote, log } = this.#replica;
    const before = this.#hardState;
    return term !== before.term || vote !== before.vote || log.commit !== before.commit;
  }
}

interface Work {
  readonly entries: readonly Entry[];
  readonly hard: HardState | undefined;
  readonly snapshot: Snapshot | undefined;
  readonly mustSync: boolean;
}

function appendWork(
  work: Work,
  responses: readonly Message[],
  done: AppendDone | undefined,
): AppendWork | undefined {
  const { entries, hard, snapshot, mustSync } = work;
  const isEmpty = entries.length === 0 && hard === undefined && snapshot === undefined;
  if (isEmpty && responses.length === 0) return undefined;
  return {
    entries,
    ...(hard === undefined ? {} : { hardState: hard }),
    ...(snapshot === undefined ? {} : { snapshot }),
    responses,
    mustSync,
    ...(done === undefined ? {} : { done }),
  };
}

/**
 * What the completion of this write, and so of all before it, will confirm: the last entry, if any is unstable. The term is
 * the one of now. Completions of former terms confirm nothing, since their entries may have been replaced by others that
 * are still being written; so each later write attests to the end of the log anew, even one that appends nothing.
 */
function appendDone(replica: Replica, snapshot: Snapshot | undefined): AppendDone | undefined {
  const hasUnstable = replica.log.unstable.hasEntries;
  if (!hasUnstable && snapshot === undefined) return undefined;
  return {
    term: replica.term,
    lastIndex: hasUnstable ? replica.log.lastIndex : 0,
    lastTerm: hasUnstable ? replica.log.lastTerm : 0,
    ...(snapshot === undefined ? {} : { snapshot: snapshot.meta }),
  };
}
