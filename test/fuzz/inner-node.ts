import { hash, randomBytes } from "node:crypto";
import { uuidV7 } from "../../src/base/index.js";
import { createMachine } from "../../src/machine/index.js";
import { createNodeServices, openRpcServer, OutboxRelay } from "../../src/node/index.js";
import { createPeerTransport } from "../../src/peer/index.js";
import { DEFAULT_RANGE_MAP, replicaId } from "../../src/placement/index.js";
import { startRuntime } from "../../src/runtime/index.js";
import { AuditRecorder, createNodeCalls, createShardClient } from "../../src/shards/index.js";
import { openMemoryStore } from "../../src/storage/index.js";
import {
  createStoreCodec,
  decodeQueryReply,
  decodeReply,
  encodeCommand,
  encodeQuery,
} from "../../src/wire/index.js";
import { createTestAuthority } from "../support/certificates.js";
import type { TestTls } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { command, SYSTEM } from "../support/agenda.js";
import { freeBasePort } from "../support/free-ports.js";
import { CLOCK } from "../support/runtime-cluster.js";
import { codeOf, Http2Client } from "./http2-client.js";
import type { HttpAnswer } from "./http2-client.js";

const CLUSTER = "agora";
export const CLUSTER_ID = "01test";
const NODE = "node-1";
/** Nothing listens there. */
const NOWHERE = "127.0.0.1:1";
/** Streams that go on are left after so long. */
const LISTEN_MS = 40;
const ANSWER_MS = 15_000;
const nothing = (): void => undefined;
const UNHEARD = {
  delivered: nothing,
  cut: nothing,
  failed: nothing,
  waiting: nothing,
  handedOver: nothing,
};

/** The inner door of a node: real services, consensus and state machine, on a store in memory. */
export class InnerNode {
  readonly #client: Http2Client;
  readonly #faults: string[];
  readonly #stop: () => Promise<void>;

  /** The caller's certificate bears this role and name. With `others`, the node is one of three and waits for them. */
  static async open(
    caller: { readonly role: string; readonly name: string },
    others: readonly string[] = [],
  ): Promise<InnerNode> {
    const authority = await createTestAuthority();
    const faults: string[] = [];
    const note = (what: unknown): void => {
      faults.push(what instanceof Error ? (what.stack ?? what.message) : String(what));
    };
    const tls = await authority.process(CLUSTER, "node", NODE);
    const node = await serve(tls, others, note);
    const { ca, cert, key } = await authority.process(CLUSTER, caller.role, caller.name);
    const client = new Http2Client(`https://localhost:${node.port}`, { ca, cert, key });
    return new InnerNode(client, faults, node.stop);
  }

  private constructor(client: Http2Client, faults: string[], stop: () => Promise<void>) {
    this.#client = client;
    this.#faults = faults;
    this.#stop = stop;
  }

  /** What went wrong inside of it since it was last asked. */
  faults(): readonly string[] {
    return this.#faults.splice(0);
  }

  send(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    goesOn: boolean,
  ): Promise<HttpAnswer> {
    const head = { "content-type": "application/grpc", te: "trailers", ...headers };
    return this.#client.send("POST", path, head, body, goesOn ? LISTEN_MS : ANSWER_MS);
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#stop();
  }
}

async function serve(tls: TestTls, others: readonly string[], note: (what: unknown) => void) {
  const store = await openMemoryStore({ onFatal: note });
  const names = [NODE, ...others];
  const replicas = DEFAULT_RANGE_MAP.shards.map(({ number: shard }) => ({
    shard,
    replica: replicaId(shard, 1),
    initial: {
      voters: names.map((_, i) => replicaId(shard, i + 1)),
      ...{ learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
    },
  }));
  const peers = others.map((name) => ({ name, address: NOWHERE }));
  const network = createPeerTransport({ node: NODE, clusterName: CLUSTER, peers, tls });
  const own = { name: NODE, address: `127.0.0.1:${await freeBasePort()}`, replicas };
  const nodes = [own];
  const shards = createShardClient({
    ...{ nodes, tls, rangeMap: DEFAULT_RANGE_MAP, clusterName: CLUSTER },
    codec: { encodeCommand, encodeQuery, decodeReply, decodeQueryReply },
  });
  const relay = new OutboxRelay({
    rangeMap: DEFAULT_RANGE_MAP,
    shards,
    clock: CLOCK,
    observer: UNHEARD,
  });
  const codec = createStoreCodec();
  const machine = createMachine(codec, DEFAULT_RANGE_MAP);
  const runtime = await startRuntime({
    ...{ clusterId: CLUSTER_ID, nodeName: NODE, store, machine, codec, replicas },
    digest: (bytes) => hash("sha256", bytes, "buffer"),
    encodeSweep: (limit, trimFeedTo) =>
      encodeCommand(command(SYSTEM, { kind: "sweep", limit, trimFeedTo })),
    clock: CLOCK,
    random: Math.random,
    nodeOf: (replica) => names[(replica % 0x10000) - 1] ?? "",
    openTransport: (listener) => {
      network.start(listener);
      return network.transport;
    },
    observer: { posted: (shard, target) => relay.posted(shard, target) },
    onFatal: note,
  });
  relay.start(() => runtime.replicas);
  const audit = new AuditRecorder({
    ...{ shards, clock: CLOCK, lost: () => undefined },
    newId: () => uuidV7(Date.now(), randomBytes(16)),
  });
  const calls = createNodeCalls({ nodes, tls, clusterName: CLUSTER });
  const services = createNodeServices({
    ...{ nodeName: NODE, clusterName: CLUSTER, clusterId: CLUSTER_ID, nodes, shards, audit, calls },
    ...{ storeId: store.storeId, boot: store.boot, featureLevel: machine.featureLevel },
    replicas: runtime.replicas,
    address: own.address,
    join: (shard, replica) => runtime.join(shard, replica),
    removed: new Set(),
    after: (delayMs, run) => CLOCK.after(delayMs, run),
    isDraining: false,
    holdDeliveries: (forMs) => relay.hold(forMs),
    get rangeMap() {
      return shards.rangeMap;
    },
    unexpected: note,
  });
  const server = await openRpcServer({
    ...{ address: own.address, tls, services: [network.service, services] },
  });
  if (others.length === 0) {
    const leads = () => runtime.replicas.every((replica) => replica.status().role === "leader");
    await eventually(leads, { what: "the node to lead" });
  }
  return {
    port: server.port,
    stop: async () => {
      relay.close();
      audit.close();
      await runtime.stop();
      await shards.close();
      services.close();
      await server.close();
      calls.close();
      await store.close();
    },
  };
}

/** With this code grpc-js itself refuses what is no gRPC, before anything of ours is asked: there is no way to change that. */
const NO_GRPC = /^(?:Invalid grpc-timeout value|Failed to decompress message)/u;

/** The code of an answer; of one with several messages, of its end. */
export function innerCodeOf(answer: HttpAnswer): string {
  const code = codeOf(answer);
  return code === "internal" && NO_GRPC.test(answer.grpcMessage) ? "no gRPC" : code;
}
