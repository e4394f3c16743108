import { hash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Command, Query } from "../../../src/domain/index.js";
import { createMachine } from "../../../src/machine/index.js";
import type { StateKey } from "../../../src/machine/index.js";
import { replicaId } from "../../../src/placement/index.js";
import { startRuntime } from "../../../src/runtime/index.js";
import type { ReplicaHandle, Runtime } from "../../../src/runtime/index.js";
import type { Store } from "../../../src/runtime/index.js";
import type { Engine } from "../../../src/storage/engine.js";
import { FIRST_GENERATION, GenerationKeys } from "../../../src/storage/keys.js";
import { MarkerFile } from "../../../src/storage/marker-file.js";
import { openStore } from "../../../src/storage/open-store.js";
import { RocksDbEngine } from "../../../src/storage/rocksdb-engine.js";
import {
  DATABASE_DIRECTORY,
  DEFAULT_CACHE_BYTES,
  DEFAULT_WRITE_BUFFER_BYTES,
  MARKER_FILE,
} from "../../../src/storage/rocksdb-store.js";
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
/** A replica that was never sent a snapshot has its rows in the first generation. */
const KEYS_OF_STATE = new GenerationKeys(SELF, FIRST_GENERATION);
const TIMEOUT_MS = 60_000;
/** A disk that is busy is waited for: nobody else could lead. */
const PATIENT = { diskSlowMs: TIMEOUT_MS, diskStalledMs: TIMEOUT_MS };

/** A shard of the agenda with one replica: everything of a node but its network. */
export class LoneShard {
  readonly #engine: Engine;
  readonly #store: Store;
  readonly #runtime: Runtime;
  readonly #replica: ReplicaHandle;

  /** Resolves once it leads. */
  static async open(directory: string, cacheBytesMax?: number): Promise<LoneShard> {
    const engine = await openEngine(directory);
    const marker = new MarkerFile(path.join(directory, MARKER_FILE));
    const store = await openStore(engine, marker, directory, { onFatal: fail });
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
      limits: { ...PATIENT, ...(cacheBytesMax === undefined ? {} : { cacheBytesMax }) },
      onFatal: fail,
    });
    const [replica] = runtime.replicas;
    if (replica === undefined) throw new Error("no replica");
    await eventually(() => replica.status().role === "leader");
    return new LoneShard(engine, store, runtime, replica);
  }

  private constructor(engine: Engine, store: Store, runtime: Runtime, replica: ReplicaHandle) {
    this.#engine = engine;
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

  /** What the database takes to bring a row, beside everything that a shard is. */
  bareGet(key: StateKey): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#engine.get(KEYS_OF_STATE.stateKey(key), (error, row) => {
        if (error !== undefined) reject(error);
        else if (row === undefined) reject(new Error(`no row ${key}`));
        else resolve();
      });
    });
  }

  async storeBytes(): Promise<number> {
    return (await this.#store.usage()).storeBytes;
  }

  async close(): Promise<void> {
    await this.#runtime.stop();
    await this.#store.close();
  }
}

/** As a node opens it. */
async function openEngine(directory: string): Promise<Engine> {
  const database = path.join(directory, DATABASE_DIRECTORY);
  await mkdir(database, { recursive: true });
  return RocksDbEngine.open(database, {
    writeBufferBytes: DEFAULT_WRITE_BUFFER_BYTES,
    cacheBytes: DEFAULT_CACHE_BYTES,
  });
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}
