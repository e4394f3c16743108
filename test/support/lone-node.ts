import { createHash } from "node:crypto";
import { replicaId } from "../../src/placement/index.js";
import type { Message } from "../../src/raft/index.js";
import { DEFAULT_LIMITS, startRuntime } from "../../src/runtime/index.js";
import type { PeerListener, ReplicaStatus, Runtime } from "../../src/runtime/index.js";
import { openMemoryStore } from "../../src/storage/index.js";
import { ManualClock } from "./manual-clock.js";
import { REGISTER_CODEC, REGISTER_MACHINE, sweepCommand } from "./register-machine.js";

const SHARD = 1;
export const SELF = replicaId(SHARD, 1);
export const PEERS = [replicaId(SHARD, 2), replicaId(SHARD, 3)] as const;
export const { tickMs: TICK_MS, electionTicks: ELECTION_TICKS } = DEFAULT_LIMITS;

/** A node whose peers are the test: it moves only when told, and what it says to them is kept. */
export class LoneNode {
  readonly clock = new ManualClock();
  readonly sent: Message[] = [];
  #listener: PeerListener | undefined;
  #runtime: Runtime | undefined;

  static async start(): Promise<LoneNode> {
    const node = new LoneNode();
    node.#runtime = await startRuntime({
      clusterId: "test",
      nodeName: "node-1",
      store: await openMemoryStore(),
      machine: REGISTER_MACHINE,
      codec: REGISTER_CODEC,
      digest: (bytes) => createHash("sha256").update(bytes).digest(),
      encodeSweep: sweepCommand,
      clock: node.clock,
      random: () => 0,
      replicas: [
        {
          shard: SHARD,
          replica: SELF,
          initial: {
            voters: [SELF, ...PEERS],
            learners: [],
            votersOutgoing: [],
            learnersNext: [],
            autoLeave: false,
          },
        },
      ],
      nodeOf: (replica) => `node-${replica - SELF + 1}`,
      openTransport: (listener) => {
        node.#listener = listener;
        return {
          send: (_node, messages) => node.sent.push(...messages.map(({ message }) => message)),
          sendSnapshot: () => Promise.resolve(false),
          close: () => Promise.resolve(),
        };
      },
      onFatal: (error) => {
        throw error;
      },
    });
    return node;
  }

  get status(): ReplicaStatus {
    const [replica] = this.#runtime?.replicas ?? [];
    if (replica === undefined) throw new Error("the node does not run");
    return replica.status();
  }

  /** What a peer sent arrives. */
  hear(message: Message): void {
    this.#listener?.receive(`node-${message.from - SELF + 1}`, [{ shard: SHARD, message }]);
  }

  async ticks(count: number): Promise<void> {
    for (let tick = 0; tick < count; tick++) await this.clock.turn(TICK_MS);
  }

  /** Its peers grant it everything until it leads. */
  async lead(): Promise<void> {
    for (let tick = 0; this.status.role !== "leader"; tick++) {
      if (tick > 10 * ELECTION_TICKS) throw new Error("nobody leads");
      const asked = this.sent.splice(0);
      await this.clock.turn(TICK_MS, () => {
        for (const { kind, term, to: from } of asked) {
          if (kind !== "pre-vote" && kind !== "vote") continue;
          this.hear({ kind: `${kind}-response`, from, to: SELF, term, reject: false });
        }
      });
    }
  }

  async stop(): Promise<void> {
    const stopped = this.#runtime?.stop();
    await this.clock.turn(60_000);
    await stopped;
  }
}
