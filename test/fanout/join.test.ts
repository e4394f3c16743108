import { expect } from "chai";
import { Join } from "../../src/fanout/join.js";

/** A change of the model: which of the two channels it is on. */
type Kind = "a" | "b" | "ab" | "none";
const KINDS: readonly Kind[] = ["a", "b", "ab", "none"];
const CHANNELS: Record<Kind, readonly string[]> = { a: ["a"], b: ["b"], ab: ["a", "b"], none: [] };

/** What may happen next. `read`: one change is read for those who are behind. */
type Step =
  | "change"
  | "read"
  | "stall"
  | "hold"
  | "release"
  | { readonly subscribe: string; readonly back: number }
  | { readonly unsubscribe: string };

interface Delivery {
  readonly sequence: number;
  readonly channel: string;
}

/** A connection on one shard, driven step by step as its owner drives it. */
class Model {
  readonly join = new Join();
  readonly feed: Kind[];
  readonly delivered: Delivery[] = [];
  /** What each channel is due: (begin, present] for as long as it is subscribed. */
  readonly due = new Map<string, number>();
  head: number;
  /** Whether `a` is held: then nothing may go out. */
  held = false;

  constructor(past: readonly Kind[]) {
    this.feed = [...past];
    this.head = past.length;
  }

  change(kind: Kind): void {
    this.feed.push(kind);
    this.head += 1;
    // The live path: the first channel that is live.
    const channel = CHANNELS[kind].find((name) => this.join.isLiveOn(name));
    if (channel !== undefined) this.#deliver(this.head, channel);
  }

  /** Reads one change, and rejoins in the same turn when that was the last. */
  read(): boolean {
    if (this.join.isLive || this.join.isHeld) return false;
    const from = this.join.from(this.head);
    if (from < this.head) {
      const sequence = from + 1;
      const channel = this.join.replay(sequence, CHANNELS[this.feed[from] ?? "none"]);
      if (channel !== undefined) this.#deliver(sequence, channel);
      this.join.advance(sequence);
    }
    if (this.join.from(this.head) === this.head) this.join.rejoin(this.head);
    return true;
  }

  subscribe(channel: string, back: number): void {
    const since = Math.max(0, this.head - back);
    this.join.subscribe(channel, since, this.head);
    this.due.set(channel, since);
  }

  unsubscribe(channel: string): void {
    this.join.unsubscribe(channel);
    this.due.delete(channel);
  }

  /** At any moment, also where it is behind or held already. */
  hold(): void {
    if (!this.join.has("a")) return;
    this.join.hold("a", this.head);
    this.held = true;
  }

  release(): void {
    this.join.release("a");
    this.held = false;
  }

  #deliver(sequence: number, channel: string): void {
    expect(this.held, "nothing goes out beside what is held").to.equal(false);
    this.delivered.push({ sequence, channel });
  }

  finish(): void {
    this.release();
    for (let turns = 0; this.read(); turns += 1) {
      expect(turns, "reading ends").to.be.lessThan(50);
    }
  }

  /** Everything that a channel is due came, each at most once while no channel was left and asked for again. */
  check(history: string): void {
    const seen = this.delivered.map(({ sequence }) => sequence);
    expect(new Set(seen).size, `twice: ${history}`).to.equal(seen.length);
    this.feed.forEach((kind, i) => {
      const wanted = CHANNELS[kind].some((name) => i + 1 > (this.due.get(name) ?? Infinity));
      if (wanted) expect(seen, `lost: ${history}`).to.include(i + 1);
    });
    for (const name of ["a", "b"]) {
      const own = this.delivered.filter(({ channel }) => channel === name);
      expectOrder(own, `order on ${name}: ${history}`);
    }
  }
}

function expectOrder(delivered: readonly Delivery[], what: string): void {
  const sorted = [...delivered].sort((x, y) => x.sequence - y.sequence);
  expect(delivered, what).to.deep.equal(sorted);
}

const describeStep = (step: Step): string =>
  typeof step === "string" ? step : JSON.stringify(step);

/** All orders of the steps. */
function* permutations(steps: readonly Step[]): Generator<readonly Step[]> {
  if (steps.length === 0) {
    yield [];
    return;
  }
  const tried = new Set<string>();
  for (const [i, step] of steps.entries()) {
    if (tried.has(describeStep(step))) continue;
    tried.add(describeStep(step));
    for (const rest of permutations([...steps.slice(0, i), ...steps.slice(i + 1)])) {
      yield [step, ...rest];
    }
  }
}

function* kindsOf(length: number): Generator<readonly Kind[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of kindsOf(length - 1)) for (const kind of KINDS) yield [kind, ...rest];
}

function run(past: readonly Kind[], steps: readonly Step[], kinds: readonly Kind[]): Model {
  const model = new Model(past);
  const history = (): string =>
    `${past.join()} | ${steps.map(describeStep).join(" ")} | ${kinds.join()}`;
  let next = 0;
  for (const step of steps) {
    if (step === "change") model.change(kinds[next++] ?? "none");
    else if (step === "read") model.read();
    else if (step === "stall") model.join.stall(model.head);
    else if (step === "hold") model.hold();
    else if (step === "release") model.release();
    else if ("subscribe" in step) model.subscribe(step.subscribe, step.back);
    else model.unsubscribe(step.unsubscribe);
  }
  model.finish();
  model.check(history());
  expect(model.join.isLive || model.join.size === 0).to.equal(true);
  return model;
}

/** Every order of the steps behind what comes first, with each choice of kinds. Returns how many there were. */
function runAll(
  past: readonly Kind[],
  first: readonly Step[],
  steps: readonly Step[],
  choices: Iterable<readonly Kind[]>,
  alsoCheck: (model: Model, history: string) => void = () => undefined,
): number {
  const lists = [...choices];
  let runs = 0;
  for (const order of permutations(steps)) {
    for (const kinds of lists) {
      const model = run(past, [...first, ...order], kinds);
      alsoCheck(model, `${order.map(describeStep).join(" ")} | ${kinds.join()}`);
      runs += 1;
    }
  }
  return runs;
}

describe("a connection's channels on one shard", () => {
  it("lose nothing and hear nothing twice, however two of them join among four changes", function () {
    this.timeout(60_000);
    // Every kind of change at every place would be too many for every order: these three differ in all places.
    const kinds: Kind[][] = [
      ["ab", "a", "b", "ab"],
      ["b", "ab", "ab", "a"],
      ["a", "none", "ab", "b"],
    ];
    let runs = 0;
    for (const backA of [0, 1, 3]) {
      for (const backB of [0, 2]) {
        const steps: Step[] = [
          { subscribe: "a", back: backA },
          { subscribe: "b", back: backB },
          "change",
          "change",
          "change",
          "change",
          "read",
          "read",
        ];
        runs += runAll(["a", "ab", "b", "ab"], [], steps, kinds);
      }
    }
    expect(runs).to.be.greaterThan(10_000);
  });

  it("lose nothing and hear nothing twice, whatever the changes are", () => {
    const steps: Step[] = ["change", "change", "read", { subscribe: "b", back: 2 }];
    for (const past of kindsOf(2)) {
      runAll(past, [{ subscribe: "a", back: 1 }], steps, kindsOf(2));
    }
  });

  it("lose nothing and hear nothing twice when the connection stalls at any moment", () => {
    const steps: Step[] = [
      "stall",
      "stall",
      "change",
      "change",
      "change",
      "read",
      "read",
      { subscribe: "b", back: 1 },
    ];
    const kinds: Kind[][] = [
      ["ab", "a", "b"],
      ["b", "ab", "ab"],
    ];
    runAll(["ab", "b"], [{ subscribe: "a", back: 0 }], steps, kinds);
  });

  it("lose nothing and hear nothing twice when one is held, and let go, at any moment", () => {
    const steps: Step[] = [
      "hold",
      "release",
      "hold",
      "change",
      "change",
      "read",
      "stall",
      { subscribe: "b", back: 1 },
    ];
    const kinds: Kind[][] = [
      ["ab", "a"],
      ["a", "ab"],
    ];
    runAll(["ab", "b"], [{ subscribe: "a", back: 1 }], steps, kinds);
  });

  it("keep the order of the shard when one of them is held, and let go, at any moment", () => {
    const both: Step[] = [
      { subscribe: "a", back: 1 },
      { subscribe: "b", back: 1 },
    ];
    const steps: Step[] = [
      "hold",
      "release",
      "hold",
      "change",
      "change",
      "change",
      "read",
      "stall",
    ];
    const kinds: Kind[][] = [
      ["a", "b", "ab"],
      ["b", "a", "b"],
    ];
    runAll(["ab", "b"], both, steps, kinds, ({ delivered }, history) => {
      expectOrder(delivered, history);
    });
  });

  it("keep the order of the shard when one begins now while the other is behind", () => {
    const steps: Step[] = [
      { subscribe: "b", back: 0 },
      "change",
      "change",
      "change",
      "read",
      "read",
      "stall",
    ];
    const kinds: Kind[][] = [
      ["a", "b", "ab"],
      ["b", "a", "b"],
    ];
    const first: Step[] = [{ subscribe: "a", back: 2 }];
    runAll(["ab", "a"], first, steps, kinds, ({ delivered }, history) => {
      expectOrder(delivered, history);
    });
  });

  it("go on when one of them is left at any moment", () => {
    const steps: Step[] = ["change", "change", "change", "read", "stall", { unsubscribe: "b" }];
    const both: Step[] = [
      { subscribe: "a", back: 2 },
      { subscribe: "b", back: 1 },
    ];
    runAll(["a", "ab", "b"], both, steps, [["ab", "a", "ab"]]);
  });

  it("wait for a position that is ahead of what was seen here", () => {
    const join = new Join();
    expect(join.subscribe("a", 12, 10)).to.equal(false);
    expect(join.from(10)).to.equal(12);
    expect(join.rejoin(10)).to.deep.equal([]);
    // 11 and 12 pass by; 13 is due.
    expect(join.replay(12, ["a"])).to.equal(undefined);
    expect(join.replay(13, ["a"])).to.equal("a");
    join.advance(13);
    expect(join.rejoin(13)).to.deep.equal(["a"]);
  });

  it("deliver on the channel that is named first", () => {
    const join = new Join();
    join.subscribe("users/ana", 0, 5);
    join.subscribe("calendars/ana", 2, 5);
    expect(join.replay(2, ["calendars/ana", "users/ana"])).to.equal("users/ana");
    expect(join.replay(3, ["calendars/ana", "users/ana"])).to.equal("calendars/ana");
  });
});
