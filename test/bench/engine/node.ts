/** One of the three processes of the bare engine: store, runtime and peer transport, and nothing of the agenda. */
import { hash } from "node:crypto";
import { openRpcServer } from "../../../src/node/index.js";
import { createPeerTransport } from "../../../src/peer/index.js";
import { replicaId } from "../../../src/placement/index.js";
import { startRuntime } from "../../../src/runtime/index.js";
import { openRocksDbStore } from "../../../src/storage/index.js";
import { eventually } from "../../support/eventually.js";
import { CLOCK } from "../../support/runtime-cluster.js";
import { drive } from "../closed-loop.js";
import type { EngineNodeOrder, EngineNodeSetup } from "./messages.js";
import { PUT_CODEC, PUT_MACHINE } from "./put-machine.js";

const SHARD = 1;
const CLUSTER = "bench";

process.once("message", (setup: EngineNodeSetup) => {
  start(setup).catch(fail);
});

const PUT_MS = 1000;

async function start(setup: EngineNodeSetup): Promise<void> {
  const { name, address, peers, directory, tls } = setup;
  const store = await openRocksDbStore({ directory, onFatal: fail });
  const certificates = {
    ca: Buffer.from(tls.ca),
    cert: Buffer.from(tls.cert),
    key: Buffer.from(tls.key),
  };
  let frames = 0;
  let rounds = 0;
  const network = createPeerTransport({
    observer: { framed: () => frames++ },
    node: name,
    clusterName: CLUSTER,
    peers,
    tls: certificates,
  });
  const names = [name, ...peers.map((peer) => peer.name)].sort();
  const replicas = new Map(names.map((node, i) => [replicaId(SHARD, i + 1), node]));
  const own = replicaId(SHARD, names.indexOf(name) + 1);
  const voters = [...replicas.keys()];
  const runtime = await startRuntime({
    clusterId: CLUSTER,
    nodeName: name,
    store,
    machine: PUT_MACHINE,
    codec: PUT_CODEC,
    digest: (bytes) => hash("sha256", bytes, "buffer"),
    encodeSweep: () => Buffer.alloc(1),
    clock: CLOCK,
    random: Math.random,
    replicas: [
      {
        shard: SHARD,
        replica: own,
        initial: { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      },
    ],
    nodeOf: (replica) => replicas.get(replica) ?? "",
    openTransport: (listener) => {
      network.start(listener);
      return network.transport;
    },
    observer: { roundWritten: () => rounds++ },
    ...(setup.limits === undefined ? {} : { limits: setup.limits }),
    onFatal: fail,
  });
  await openRpcServer({ address, tls: certificates, services: [network.service] });
  const [replica] = runtime.replicas;
  if (replica === undefined) throw new Error("no replica");
  const value = Buffer.alloc(256, 1);
  const execute = async (): Promise<void> => {
    await replica.execute(value, { timeoutMs: 10_000 });
  };

  process.on("message", (order: EngineNodeOrder) => {
    const answer = async (): Promise<unknown> => {
      if (order.kind === "lead") {
        await eventually(() => replica.status().leader !== 0);
        return { leads: replica.status().role === "leader" };
      }
      if (order.kind === "put") {
        return replica.execute(value, { timeoutMs: PUT_MS }).then(
          () => true,
          () => false,
        );
      }
      if (order.kind === "place") {
        const { role, applied, firstIndex } = replica.status();
        return { leads: role === "leader", applied, firstIndex };
      }
      if (order.kind === "work") {
        const { user, system } = process.cpuUsage();
        return { cpuSeconds: (user + system) / 1e6, rounds, frames };
      }
      return drive(order.inFlight, order.seconds, execute);
    };
    answer().then((result) => process.send?.(result), fail);
  });
  process.once("SIGTERM", () => {
    runtime
      .stop()
      .then(() => store.close())
      .then(() => process.exit(0), fail);
  });
  process.send?.({ started: true });
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}
