import { expect } from "chai";
import { InvariantViolation } from "../../src/base/index.js";
import type { Query } from "../../src/domain/index.js";
import { fc } from "../support/properties.js";
import type { Machine, StateKey, StateRow, View, Write } from "../../src/machine/index.js";
import { runQuery } from "../../src/runtime/query-runner.js";
import { StateCache } from "../../src/runtime/state-cache.js";
import { REGISTER_CODEC, REGISTER_MACHINE, getQuery } from "../support/register-machine.js";

const KEYS = ["k/0", "k/1", "k/2", "k/3", "k/4", "k/5"];
const RANGE = { start: "k/", end: "k0", limit: 3 };
const text = (value: Uint8Array | undefined): string =>
  value === undefined ? "" : Buffer.from(value).toString();

type State = ReadonlyMap<StateKey, string>;

/** Rows from the start and from the end, and then single ones that depend on what came first. */
function look(first: (reverse: boolean) => readonly string[], one: (key: StateKey) => string) {
  const ahead = first(false);
  const back = first(true);
  return JSON.stringify([ahead, back, KEYS.slice(0, 2 + ahead.length).map(one)]);
}

function lookAt(state: State): string {
  const rows = KEYS.filter((key) => state.has(key)).map((key) => `${key}=${state.get(key) ?? ""}`);
  const first = (reverse: boolean) => (reverse ? rows.toReversed() : rows).slice(0, RANGE.limit);
  return look(first, (key) => state.get(key) ?? "");
}

const MACHINE: Machine = {
  ...REGISTER_MACHINE,
  query: (_, view: View) => ({
    kind: "refused",
    code: "not-found",
    message: look(
      (reverse) =>
        view.range({ ...RANGE, reverse }).map(({ key, value }) => `${key}=${text(value)}`),
      (key) => text(view.get(key)),
    ),
  }),
};

/** One part of a read: it sees the disk at a moment of its own. */
type Piece = () => void;

/** A replica's state on a slow disk: what happens next is told by whoever tries it. */
class SlowReplica {
  readonly cache = new StateCache();
  readonly states: State[] = [new Map()];
  #disk: Map<StateKey, Uint8Array> = new Map();
  #unwritten: Write[] = [];
  #writing: readonly Write[] | undefined;
  #round = 1;
  #pieces: Piece[] = [];

  apply(writes: readonly Write[]): void {
    const state = new Map(this.states.at(-1));
    for (const { key, value } of writes) {
      if (value === undefined) state.delete(key);
      else state.set(key, text(value));
    }
    this.states.push(state);
    this.cache.write(writes, this.#round + (this.#writing === undefined ? 0 : 1));
    this.#unwritten.push(...writes);
  }

  beginRound(): void {
    this.#writing ??= this.#unwritten.splice(0);
  }

  endRound(): void {
    const writes = this.#writing ?? [];
    if (this.#writing === undefined) return;
    this.#writing = undefined;
    for (const { key, value } of writes) {
      if (value === undefined) this.#disk.delete(key);
      else this.#disk.set(key, value);
    }
    this.cache.written(
      this.#round++,
      writes.map(({ key }) => key),
    );
  }

  /** All of it is replaced, on the disk at once. */
  install(): void {
    if (this.#writing !== undefined) return;
    this.states.push(new Map([["k/5", "snapshot"]]));
    this.#disk = new Map([["k/5", Buffer.from("snapshot")]]);
    this.#unwritten = [];
    this.cache.clear();
  }

  see(at: number): void {
    const [piece] = this.#pieces.splice(at % Math.max(1, this.#pieces.length), 1);
    piece?.();
  }

  async query(): Promise<{ readonly reply: string; readonly expected: string }> {
    const { reply, sequence } = await runQuery(
      {
        machine: MACHINE,
        codec: REGISTER_CODEC,
        cache: this.cache,
        read: (keys, ranges) => this.#read(keys, ranges),
        sequence: () => this.states.length - 1,
        featureLevel: () => 1,
      },
      getQuery("any"),
    );
    const { message } = JSON.parse(text(reply)) as { readonly message: string };
    return { reply: message, expected: lookAt(this.states[sequence] ?? new Map()) };
  }

  get isReading(): boolean {
    return this.#pieces.length > 0;
  }

  #read(
    keys: readonly StateKey[],
    ranges: Parameters<Parameters<typeof runQuery>[0]["read"]>[1],
  ): ReturnType<Parameters<typeof runQuery>[0]["read"]> {
    const values = new Map<StateKey, Uint8Array | undefined>();
    const found: StateRow[][] = ranges.map(() => []);
    return new Promise((resolve) => {
      let left = keys.length + ranges.length;
      const seen = (): void => {
        if (--left === 0) resolve({ values, ranges: found });
      };
      for (const key of keys) {
        this.#pieces.push(() => {
          values.set(key, this.#disk.get(key));
          seen();
        });
      }
      ranges.forEach(({ start, end, limit, reverse = false }, at) => {
        this.#pieces.push(() => {
          const within = [...this.#disk].filter(([key]) => key >= start && key < end);
          const rows = within.map(([key, value]) => ({ key, value }));
          rows.sort((a, b) => (a.key < b.key === reverse ? 1 : -1));
          found[at] = rows.slice(0, limit);
          seen();
        });
      });
    });
  }
}

const anyWrite = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.option(fc.integer({ max: 99, min: 0 }), { nil: undefined }),
});
const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ apply: fc.array(anyWrite, { minLength: 1, maxLength: 4 }) }),
  },
  { weight: 3, arbitrary: fc.constant("begin round" as const) },
  { weight: 3, arbitrary: fc.constant("end round" as const) },
  { weight: 4, arbitrary: fc.constant("query" as const) },
  { weight: 8, arbitrary: fc.record({ see: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant("install" as const) },
);

describe("a query", () => {
  it("sees the state as it is applied when it answers, however its reads of the disk and the writes fall", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 60 }), async (steps) => {
        const replica = new SlowReplica();
        const queries: ReturnType<SlowReplica["query"]>[] = [];
        for (const step of steps) {
          if (step === "begin round") replica.beginRound();
          else if (step === "end round") replica.endRound();
          else if (step === "install") replica.install();
          else if (step === "query") queries.push(replica.query());
          else if ("see" in step) replica.see(step.see);
          else replica.apply(step.apply.map(({ key, value }) => ({ key, value: bytesOf(value) })));
          await settled();
        }
        while (replica.isReading) {
          replica.see(0);
          await settled();
        }
        for (const { reply, expected } of await Promise.all(queries)) {
          expect(reply).to.equal(expected);
        }
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});

describe("a query that asks for one row after the other", () => {
  const ROWS = 100;

  function ask(question: Query["question"]): ReturnType<typeof runQuery> {
    return runQuery(
      {
        machine: {
          ...REGISTER_MACHINE,
          query: (_, view) => {
            for (let n = 0; n < ROWS; n++) view.get(`k/${n}`);
            return { kind: "refused", code: "not-found", message: "read it all" };
          },
        },
        codec: REGISTER_CODEC,
        cache: new StateCache(),
        read: async (keys) => ({
          ranges: [],
          values: new Map(keys.map((key) => [key, undefined])),
        }),
        sequence: () => 0,
        featureLevel: () => 1,
      },
      Buffer.from(JSON.stringify({ caller: { kind: "system" }, question })),
    );
  }

  it("is a fault of the program, which ends", async () => {
    const refused = await ask({ kind: "get-group", group: "any" }).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(InvariantViolation);
  });

  it("is answered where it is a command that is tried, as it would be applied", async () => {
    const { reply } = await ask({ kind: "try-commands", nowMs: 0, commands: [] });
    expect(text(reply)).to.contain("read it all");
  });
});

function bytesOf(value: number | undefined): Uint8Array | undefined {
  return value === undefined ? undefined : Buffer.from(String(value));
}

/** Everything that waits for no disk has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
