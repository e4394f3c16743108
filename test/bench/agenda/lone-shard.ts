import { hash } from "node:crypto";
import type { Command, Query } from "../../../src/domain/index.js";
import { createMachine } from "../../../src/machine/index.js";
import { replicaId } from "../../../src/placement/index.js";
import { startRuntime } from "../../../src/runtime/index.js";
import type { ReplicaHandle, Runtime } from "../../../src/runtime/index.js";
import { openRocksDbStore } from "../../../src/storage/index.js";
import type { Store } from "../../../src/runtime/index.js";
import {
  createStoreCodec,
  decodeQueryReply,
  decodeReply,
  encodeCommand,
  encodeQuery,
} from "../../../src/wire/index.js";
import { eventually } from "../../support/eventually.js";
import { CLOCK } from "../../support/runtime-cluster.js";

const SHARD = 1;
const SELF = replicaId(SHARD, 1);
const TIMEOUT_MS = 60_000;
/** A disk that is busy is waited for: nobody else could lead. */
const PATIENT = { diskSlowMs: TIMEOUT_MS, diskStalledMs: TIMEOUT_MS };

/** A shard of the agenda with one replica: everything of a node but its network. */
export class LoneShard {
  readonly #store: Store;
  readonly #runtime: Runtime;
  readonly #replica: ReplicaHandle;

  /** Resolves once it leads. */
  static async open(directory: string): Promise<LoneShard> {
    const store = await openRocksDbStore({ directory, onFatal: fail });
    const codec = createStoreCodec();
    const runtime = await startRuntime({
      clusterId: "bench",
      nodeName: "node-1",
      store,
      machine: createMachine(codec),
      codec,
      digest: (bytes) => hash("sha256", bytes, "buffer"),
      encodeSweep: (limit, trimFeedTo) =>
        encodeCommand({
          caller: { kind: "system" },
          requestId: "",
          fingerprint: "",
          operation: { kind: "sweep", limit, trimFeedTo },
        }),
      clock: CLOCK,
      random: () => 0,
      replicas: [
        {
          shard: SHARD,
          replica: SELF,
          initial: {
            voters: [SELF],
            learners: [],
            votersOutgoing: [],
            learnersNext: [],
            autoLeave: false,
          },
        },
      ],
      nodeOf: () => "node-1",
      openTransport: () => ({
        send: () => undefined,
        sendSnapshot: () => Promise.resolve(false),
        close: () => Promise.resolve(),
      }),
      limits: PATIENT,
      onFatal: fail,
    });
    const [replica] = runtime.replicas;
    if (replica === undefined) throw new Error("no replica");
    await eventually(() => replica.status().role === "leader");
    return new LoneShard(store, runtime, replica);
  }

  private constructor(store: Store, runtime: Runtime, replica: ReplicaHandle) {
    this.#store = store;
    this.#runtime = runtime;
    this.#replica = replica;
  }

  /** Fails where the command is refused: what is refused measures nothing. */
  async execute(command: Command): Promise<void> {
    const { reply } = await this.#replica.execute(encodeCommand(command), {
      timeoutMs: TIMEOUT_MS,
    });
    const decoded = decodeReply(reply);
    if (decoded.kind === "refused") throw new Error(decoded.message);
  }

  async ask(query: Query) {
    const { reply } = await this.#replica.read(encodeQuery(query), {
      timeoutMs: TIMEOUT_MS,
      minSequence: 0,
      maxStalenessMs: 0,
    });
    const decoded = decodeQueryReply(reply);
    if (decoded.kind === "refused") throw new Error(decoded.message);
    return decoded.answer;
  }

  async storeBytes(): Promise<number> {
    return (await this.#store.usage()).storeBytes;
  }

  async close(): Promise<void> {
    await this.#runtime.stop();
    await this.#store.close();
  }
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}
