import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import type { AuditRecord, Command } from "../../src/domain/index.js";
import { DEFAULT_RANGE_MAP } from "../../src/placement/index.js";
import { AuditRecorder } from "../../src/shards/index.js";
import type { CommandResult, Refusal } from "../../src/shards/index.js";

const REFUSAL: Refusal = {
  subject: "users/ana",
  action: "user.disable",
  object: "users/bea",
  decision: "permission-denied",
  detail: "",
  origin: "203.0.113.7",
};

const DONE = { kind: "done", name: "", revision: 0, sequence: 0, replayed: false } as const;
const REFUSED = {
  kind: "refused",
  code: "overloaded",
  message: "too much",
  replayed: false,
} as const;

/** Time that the test moves, and a shard that takes what it is told while it is there. */
class Bench {
  readonly commands: Command[] = [];
  readonly lost: number[] = [];
  isAway = false;
  /** What it takes on comes true, but the answer is lost. */
  isMute = false;
  refuses = false;
  #ids = 0;
  #timers: { readonly run: () => void }[] = [];
  readonly recorder = new AuditRecorder({
    shards: {
      rangeMap: DEFAULT_RANGE_MAP,
      execute: (shard, command): Promise<CommandResult> => {
        if (this.isAway) {
          const outcome = "not_applied";
          return Promise.reject(new ClusterError("no-leader", "no leader", { outcome }));
        }
        if (!this.commands.some(({ requestId }) => requestId === command.requestId)) {
          this.commands.push(command);
        }
        if (this.isMute) return Promise.reject(new ClusterError("outcome-unknown", "no answer"));
        const reply = this.refuses ? REFUSED : DONE;
        return Promise.resolve({ reply, position: { shard, epoch: 1, sequence: 0 } });
      },
    },
    clock: {
      monotonicMs: () => 0,
      after: (_, run) => {
        const timer = { run };
        this.#timers.push(timer);
        return () => (this.#timers = this.#timers.filter((each) => each !== timer));
      },
    },
    newId: () => `id-${this.#ids++}`,
    lost: (count) => this.lost.push(count),
  });

  get records(): readonly AuditRecord[] {
    return this.commands.flatMap(({ operation }) =>
      operation.kind === "record-audit" ? operation.records : [],
    );
  }

  /** All timers run out. */
  async pass(): Promise<void> {
    const timers = this.#timers;
    this.#timers = [];
    for (const { run } of timers) run();
    await settle();
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the recorder of the audit trail", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it("tells a refusal at once, and alike ones that follow together", async () => {
    for (let i = 0; i < 5; i++) bench.recorder.refused(REFUSAL);
    bench.recorder.refused({ ...REFUSAL, subject: "users/eve" });
    await settle();
    expect(bench.records.map(({ subject, count }) => [subject, count])).deep.equals([
      ["users/ana", 1],
      ["users/eve", 1],
    ]);
    await bench.pass();
    expect(bench.records.slice(2)).deep.equals([{ ...REFUSAL, requestId: "", count: 4 }]);
  });

  it("counts as one what is more than it can tell apart", async () => {
    for (let i = 0; i < 400; i++) bench.recorder.refused({ ...REFUSAL, object: `users/u${i}` });
    await settle();
    await bench.pass();
    const others = bench.records.filter(({ detail }) => detail === "others");
    expect(bench.records.length).at.most(260);
    expect(others.reduce((sum, { count }) => sum + count, 0)).equals(400 - 256);
  });

  it("keeps what the shard could not take, until it can", async () => {
    bench.isAway = true;
    void bench.recorder.record({ ...REFUSAL, decision: "allow" });
    await settle();
    expect(bench.records).deep.equals([]);
    bench.isAway = false;
    await bench.pass();
    expect(bench.records.map(({ decision }) => decision)).deep.equals(["allow"]);
  });

  it("writes once what the shard may have taken on before", async () => {
    bench.isMute = true;
    void bench.recorder.record({ ...REFUSAL, decision: "allow" });
    await settle();
    bench.recorder.refused(REFUSAL);
    await bench.pass();
    bench.isMute = false;
    await bench.pass();
    expect(bench.records.map(({ decision }) => decision)).deep.equals([
      "allow",
      "permission-denied",
    ]);
    expect(bench.lost).deep.equals([]);
  });

  it("says what the shard refused, and goes on with what comes next", async () => {
    bench.refuses = true;
    for (let i = 0; i < 3; i++) void bench.recorder.record({ ...REFUSAL, object: `users/u${i}` });
    await settle();
    expect(bench.lost).deep.equals([1, 2]);
    bench.refuses = false;
    void bench.recorder.record(REFUSAL);
    await settle();
    expect(bench.records.at(-1)).deep.equals({ ...REFUSAL, requestId: "", count: 1 });
    expect(bench.lost).deep.equals([1, 2]);
  });

  it("says when it is closed what is not written, and may not have been", async () => {
    bench.isMute = true;
    for (let i = 0; i < 3; i++) bench.recorder.refused(REFUSAL);
    await settle();
    void bench.recorder.record({ ...REFUSAL, decision: "allow" });
    expect(bench.lost).deep.equals([]);
    bench.recorder.close();
    void bench.recorder.record({ ...REFUSAL, decision: "allow" });
    await settle();
    expect(bench.lost.reduce((sum, count) => sum + count, 0)).equals(1 + 2 + 1 + 1);
    bench.recorder.close();
    await bench.pass();
    expect(bench.lost.reduce((sum, count) => sum + count, 0)).equals(1 + 2 + 1 + 1);
  });

  it("says nothing when it is closed and everything is written", async () => {
    bench.recorder.refused(REFUSAL);
    bench.recorder.close();
    await settle();
    expect(bench.records.length).equals(1);
    expect(bench.lost).deep.equals([]);
  });

  it("gives up what is too much, and says so", async () => {
    bench.isAway = true;
    for (let i = 0; i < 1_100; i++) void bench.recorder.record(REFUSAL);
    await settle();
    expect(bench.lost.length).within(1, 100);
  });

  it("lets no character of a request do anything to who reads the trail", async () => {
    bench.recorder.refused({ ...REFUSAL, object: "users/\u001b[2Jñ\n" });
    await settle();
    expect(bench.records[0]?.object).equals("users/?[2J??");
  });
});
