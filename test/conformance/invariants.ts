import { InvariantViolation } from "../../src/base/index.js";
import type { Entry, RaftGroup } from "../../src/raft/index.js";
import type { MemoryLog } from "./memory-log.js";

interface Observed {
  readonly id: number;
  readonly group: RaftGroup;
  readonly log: MemoryLog;
}

interface Applied {
  readonly entry: Entry;
  /** Term of the first replica that applied it: the entry was committed in this term or before. */
  readonly inTerm: number;
}

/** The safety properties of the Raft paper, figure 3, over everything that was seen so far. */
export class Invariants {
  readonly #leaders = new Map<number, number>();
  readonly #applied = new Map<number, Applied>();

  /** State machine safety. */
  noteApplied(id: number, term: number, entry: Entry): void {
    const before = this.#applied.get(entry.index);
    if (before === undefined) {
      this.#applied.set(entry.index, { entry, inTerm: term });
      return;
    }
    const isSame = before.entry.term === entry.term && sameBytes(before.entry.data, entry.data);
    if (!isSame) throw new InvariantViolation(`node ${id} applied another entry at ${entry.index}`);
  }

  check(nodes: readonly Observed[]): void {
    for (const node of nodes) this.#checkLeader(node);
    for (const a of nodes) for (const b of nodes) if (a.id < b.id) checkMatching(a, b);
  }

  /** Election safety and leader completeness. */
  #checkLeader({ id, group }: Observed): void {
    const { role, term, firstIndex } = group.status();
    if (role !== "leader") return;
    const other = this.#leaders.get(term) ?? id;
    if (other !== id)
      throw new InvariantViolation(`nodes ${other} and ${id} both lead term ${term}`);
    this.#leaders.set(term, id);
    for (const [index, { entry, inTerm }] of this.#applied) {
      if (index < firstIndex || inTerm >= term) continue;
      if (group.findTerm(index) !== entry.term) {
        throw new InvariantViolation(
          `leader ${id} of term ${term} lacks the committed entry ${index}`,
        );
      }
    }
  }
}

/** If two logs hold an entry of the same index and term, they are equal up to it. */
function checkMatching(a: Observed, b: Observed): void {
  const first = Math.max(a.log.firstIndex(), b.log.firstIndex());
  const last = Math.min(a.log.lastIndex(), b.log.lastIndex());
  let mustEqual = false;
  for (let index = last; index >= first; index--) {
    const isEqual = a.log.term(index) === b.log.term(index);
    if (mustEqual && !isEqual)
      throw new InvariantViolation(`logs of ${a.id} and ${b.id} differ at ${index}`);
    mustEqual ||= isEqual;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
