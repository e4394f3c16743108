/** A sequential object: undefined where the answer is impossible in that state. */
export interface Model<State, Call, Answer> {
  readonly initial: State;
  step(state: State, call: Call, answer: Answer): State | undefined;
  /** Equal for equal states. */
  key(state: State): string;
}

export interface TimedOperation<Call, Answer> {
  readonly call: Call;
  readonly answer: Answer;
  readonly calledAt: number;
  /** Infinity if nobody ever heard of it. */
  readonly answeredAt: number;
}

interface Entry<Call, Answer> {
  readonly id: number;
  readonly operation: TimedOperation<Call, Answer>;
  readonly atMs: number;
  /** Of a call: its answer. */
  match: Entry<Call, Answer> | undefined;
  previous: Entry<Call, Answer> | undefined;
  next: Entry<Call, Answer> | undefined;
}

/** A search that takes more steps than this has no answer, which counts as a failure. */
const STEPS_MAX = 2_000_000;

/**
 * Whether there is an order of the operations that keeps real time and that the object allows. The algorithm of Wing and Gong
 * with Lowe's memory of what was tried ("Testing for linearizability", 2017), as Porcupine has it. Check each object by
 * itself: a history is linearizable if that of each of its objects is (Horn and Kroening, 2015).
 */
export function isLinearizable<State, Call, Answer>(
  model: Model<State, Call, Answer>,
  operations: readonly TimedOperation<Call, Answer>[],
): boolean {
  const head = link(operations);
  const done = new Uint32Array(Math.ceil(operations.length / 32));
  const tried = new Set<string>();
  const taken: { readonly entry: Entry<Call, Answer>; readonly state: State }[] = [];
  let state = model.initial;
  let at = head.next;
  for (let steps = 0; head.next !== undefined; steps++) {
    if (steps > STEPS_MAX) throw new Error("the history is too wild to be checked");
    if (at?.match !== undefined) {
      const next = model.step(state, at.operation.call, at.operation.answer);
      if (next !== undefined && tryMark(done, at.id, tried, model.key(next))) {
        taken.push({ entry: at, state });
        state = next;
        lift(at);
        at = head.next;
      } else {
        at = at.next;
      }
      continue;
    }
    // An answer whose call stands nowhere before it: something taken earlier was wrong.
    const last = taken.pop();
    if (last === undefined) return false;
    unmark(done, last.entry.id);
    state = last.state;
    unlift(last.entry);
    at = last.entry.next;
  }
  return true;
}

/** Calls and answers in order of time, calls first: what touches is concurrent. */
function link<Call, Answer>(
  operations: readonly TimedOperation<Call, Answer>[],
): Entry<Call, Answer> {
  const entries: Entry<Call, Answer>[] = [];
  const links = { match: undefined, previous: undefined, next: undefined };
  operations.forEach((operation, id) => {
    const answer = { id, operation, atMs: operation.answeredAt, ...links };
    entries.push({ id, operation, atMs: operation.calledAt, ...links, match: answer }, answer);
  });
  const rank = (entry: Entry<Call, Answer>): number => (entry.match === undefined ? 1 : 0);
  entries.sort((a, b) => (a.atMs === b.atMs ? rank(a) - rank(b) : a.atMs < b.atMs ? -1 : 1));
  const operation = operations[0];
  const none = { call: undefined, answer: undefined, calledAt: 0, answeredAt: 0 };
  const head = { id: -1, operation: operation ?? none, atMs: -1, ...links } as Entry<Call, Answer>;
  let last = head;
  for (const entry of entries) {
    last.next = entry;
    entry.previous = last;
    last = entry;
  }
  return head;
}

/** False if the same operations led to the same state before: nothing new can come of it. */
function tryMark(done: Uint32Array, id: number, tried: Set<string>, state: string): boolean {
  done[id >> 5] = (done[id >> 5] ?? 0) | (1 << (id & 31));
  const key = `${done.join()}/${state}`;
  if (tried.has(key)) {
    unmark(done, id);
    return false;
  }
  tried.add(key);
  return true;
}

function unmark(done: Uint32Array, id: number): void {
  done[id >> 5] = (done[id >> 5] ?? 0) & ~(1 << (id & 31));
}

function lift<Call, Answer>(entry: Entry<Call, Answer>): void {
  for (const gone of [entry, entry.match]) {
    if (gone?.previous !== undefined) gone.previous.next = gone.next;
    if (gone?.next !== undefined) gone.next.previous = gone.previous;
  }
}

function unlift<Call, Answer>(entry: Entry<Call, Answer>): void {
  for (const back of [entry.match, entry]) {
    if (back?.previous !== undefined) back.previous.next = back;
    if (back?.next !== undefined) back.next.previous = back;
  }
}
