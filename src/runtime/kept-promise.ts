import { isAtLeast } from "../raft/index.js";
import type { RaftGroup } from "../raft/index.js";
import type { KnownReplica, LogId, OpenedReplica } from "./ports.js";
import type { ReplicaLog } from "./replica-log.js";

const OLD_COPY =
  "this node was started on an older copy of its data directory: it takes part again when a leader has brought it up to date";
const FORGOT_ENTRIES =
  "others heard more acknowledged than the log holds: it takes part again when a leader has brought it up to date";

export interface KeptPromiseOptions {
  readonly opened: OpenedReplica;
  readonly log: ReplicaLog;
  readonly group: RaftGroup;
  /** Something that was acknowledged turned out to be lost, `promised` at the end of it: it has to be noted durably. */
  readonly lost: (promised: LogId, reason: string) => void;
}

/** What a replica acknowledged in all of its lives, held against what its log holds. */
export class KeptPromise {
  readonly #options: KeptPromiseOptions;
  #lostReason: string;
  /** The end of the log that this replica had promised before it lost some of it. */
  #promised: LogId;

  constructor(options: KeptPromiseOptions) {
    const { lost } = options.opened;
    this.#options = options;
    this.#lostReason = lost?.reason ?? "";
    this.#promised = lost?.promised ?? { index: 0, term: 0 };
  }

  /** What was lost, in an operator's words; it may be repaired already. */
  get lostReason(): string {
    return this.#lostReason;
  }

  remind({ term, acknowledged }: KnownReplica, isOldCopy: boolean): void {
    const { log, group, lost } = this.#options;
    const index = log.lastIndex();
    const last = { index, term: log.term(index) ?? 0 };
    const held = isAtLeast(last, this.#promised) ? last : this.#promised;
    const isLost = !isAtLeast(held, acknowledged);
    if (!isLost && !isOldCopy) return;
    this.#promised = isLost ? acknowledged : held;
    this.#lostReason = isOldCopy ? OLD_COPY : FORGOT_ENTRIES;
    group.losePromise({ index: this.#promised.index, term: Math.max(term, group.term) });
    lost(this.#promised, this.#lostReason);
  }
}
