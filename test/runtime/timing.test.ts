import { createHash } from "node:crypto";
import { expect } from "chai";
import { replicaId } from "../../src/placement/index.js";
import type { Message } from "../../src/raft/index.js";
import { DEFAULT_LIMITS, startRuntime } from "../../src/runtime/index.js";
import type { Clock, PeerListener, PeerMessage, Runtime } from "../../src/runtime/index.js";
import { openMemoryStore } from "../../src/storage/index.js";
import { eventually } from "../support/eventually.js";
import { REGISTER_CODEC, REGISTER_MACHINE, sweepCommand } from "../support/register-machine.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

/** Time stands still until the test says so; timers fire before what was read in the same turn of the loop. */
class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];
  #soon: (() => void)[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** One turn of the event loop: due timers, then what the sockets hold, then what was put off. */
  async turn(passedMs: number, sockets: () => void = () => undefined): Promise<void> {
    this.#nowMs += passedMs;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { run } of due) run();
    sockets();
    while (this.#soon.length > 0) {
      for (const run of this.#soon.splice(0)) run();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe("a follower whose event loop stalled", () => {
  const SELF = replicaId(1, 1);
  const LEADER = replicaId(1, 2);
  const { tickMs, electionTicks } = DEFAULT_LIMITS;
  let runtime: Runtime | undefined;

  afterEach(() => runtime?.stop());

  it("reads what waits for it before it thinks of an election", async () => {
    const clock = new ManualClock();
    const sent: Message[] = [];
    let listener: PeerListener | undefined;
    runtime = await startRuntime({
      clusterId: "test",
      nodeName: "node-1",
      store: await openMemoryStore(),
      machine: REGISTER_MACHINE,
      codec: REGISTER_CODEC,
      digest: (bytes) => createHash("sha256").update(bytes).digest(),
      encodeSweep: sweepCommand,
      clock,
      random: () => 0,
      replicas: [
        {
          shard: 1,
          replica: SELF,
          initial: {
            voters: [SELF, LEADER, replicaId(1, 3)],
            learners: [],
            votersOutgoing: [],
            learnersNext: [],
            autoLeave: false,
          },
        },
      ],
      nodeOf: (replica) => `node-${replica - SELF + 1}`,
      openTransport: (given) => {
        listener = given;
        return {
          send: (_node, messages) => sent.push(...messages.map(({ message }) => message)),
          sendSnapshot: () => Promise.resolve(false),
          close: () => Promise.resolve(),
        };
      },
      onFatal: (error) => {
        throw error;
      },
    });
    const heartbeat: Message = {
      kind: "heartbeat",
      from: LEADER,
      to: SELF,
      term: 1,
      commit: 0,
      readRound: 0,
    };
    const hear = (): void => listener?.receive("node-2", [{ shard: 1, message: heartbeat }]);
    await clock.turn(tickMs, hear);
    expect(runtime.replicas[0]?.status().leader).to.equal(LEADER);

    const elections = (): number =>
      sent.filter(({ kind }) => kind === "pre-vote" || kind === "vote").length;
    for (let round = 0; round < 10; round++) {
      // As late as a follower may be, and then a stall in which the leader went on speaking.
      await clock.turn(0, hear);
      for (let tick = 1; tick < electionTicks; tick++) await clock.turn(tickMs);
      await clock.turn(100 * tickMs, hear);
      expect(elections()).to.equal(0);
    }
    for (let tick = 0; tick < 2 * electionTicks; tick++) await clock.turn(tickMs);
    expect(elections(), "the leader is silent").to.be.greaterThan(0);
  });
});

describe("a node that leads several groups", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;

  afterEach(async () => {
    await cluster.stop();
  });

  it("tells each peer in one message that it is there", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(1, "k", "v");
    await cluster.set(2, "k", "v");
    const node = await eventually(async () => {
      const { node: first } = await cluster.leader(1);
      const { node: second, replica } = await cluster.leader(2);
      if (first === second) return first;
      const there = replica.status().members.find((member) => member.node === first);
      await replica.transferLeader(there?.replica);
      return undefined;
    });
    const frames: (readonly PeerMessage[])[] = [];
    cluster.network.sending = (from, _to, messages) => {
      if (from === node) frames.push(messages);
    };
    const beats = await eventually(() => {
      const found = frames.filter((frame) =>
        frame.some(({ message }) => message.kind === "heartbeat"),
      );
      return found.length >= 10 ? found : undefined;
    });
    for (const frame of beats) {
      const shards = frame.filter(({ message }) => message.kind === "heartbeat");
      expect(shards.map(({ shard }) => shard)).to.have.members([1, 2]);
    }
  });
});
