import type {
  IncomingSnapshot,
  PeerHello,
  PeerListener,
  PeerMessage,
  SnapshotRow,
  SnapshotSink,
  SnapshotSource,
} from "../../src/runtime/index.js";
import { openRpcServer, type RpcServer } from "../../src/node/index.js";
import { createPeerTransport, type PeerNetwork, type PeerObserver } from "../../src/peer/index.js";
import type { TestAuthority, TestTls } from "../support/certificates.js";

export const CLUSTER = "agora";

/** A runtime's side of the port that writes down what it hears. */
export class RecordingListener implements PeerListener {
  readonly batches: { readonly from: string; readonly messages: readonly PeerMessage[] }[] = [];
  readonly lost: { readonly node: string; readonly refused: boolean }[] = [];
  readonly greeted: PeerHello[] = [];
  readonly sinks: RecordingSink[] = [];
  readonly finished: IncomingSnapshot[] = [];
  refusal: string | undefined;
  heard: (from: string, message: PeerMessage) => void = () => undefined;
  sinkRows: readonly SnapshotRow[] = [];
  readonly #node: string;

  constructor(node: string) {
    this.#node = node;
  }

  get messages(): readonly PeerMessage[] {
    return this.batches.flatMap(({ messages }) => messages);
  }

  hello(): PeerHello {
    return {
      clusterId: "cluster-id",
      node: this.#node,
      storeId: `${this.#node}-store`,
      toStoreId: "",
      boot: 3,
      life: 2 ** 52 + 1,
      wallMs: 1_700_000_000_000,
      diskFull: true,
      featureLevel: 2,
      draining: true,
      known: {
        boot: 9,
        life: 7,
        replicas: [{ replica: 65538, term: 4, acknowledged: { index: 41, term: 3 } }],
      },
      replicas: [{ shard: 1, replica: 65537, lastIndex: 42 }],
    };
  }

  admit(hello: PeerHello): string | undefined {
    this.greeted.push(hello);
    return this.refusal;
  }

  receive(from: string, messages: readonly PeerMessage[]): void {
    this.batches.push({ from, messages });
    for (const message of messages) this.heard(from, message);
  }

  disconnected(node: string, refused: boolean): void {
    this.lost.push({ node, refused });
  }

  async beginSnapshot(): Promise<SnapshotSink | undefined> {
    const sink = new RecordingSink(this.sinkRows);
    this.sinks.push(sink);
    return sink;
  }

  async finishSnapshot(incoming: IncomingSnapshot): Promise<boolean> {
    this.finished.push(incoming);
    return true;
  }

  async abandonSnapshot(_: IncomingSnapshot, sink: SnapshotSink, _isSound: boolean): Promise<void> {
    await sink.discard();
  }
}

export class RecordingSink implements SnapshotSink {
  readonly state = undefined;
  readonly written: SnapshotRow[];
  discarded = false;
  suspended = false;

  constructor(rows: readonly SnapshotRow[]) {
    this.written = [...rows];
  }

  get rows(): number {
    return this.written.length;
  }

  get lastKey(): Uint8Array | undefined {
    return this.written.at(-1)?.key;
  }

  async write(rows: readonly SnapshotRow[]): Promise<void> {
    this.written.push(...rows);
  }

  async suspend(): Promise<void> {
    this.suspended = true;
  }

  async discard(): Promise<void> {
    this.discarded = true;
  }
}

export function sourceOf(slices: readonly (readonly SnapshotRow[])[]): SnapshotSource {
  let left = [...slices];
  return {
    state: {
      index: 90,
      term: 4,
      timeMs: 1,
      sequence: 7,
      firstSequence: 1,
      confState: {
        voters: [65537, 65538, 65539],
        learners: [],
        votersOutgoing: [],
        learnersNext: [],
        autoLeave: false,
      },
      stateHash: new Uint8Array(32).fill(9),
      epoch: 1,
      featureLevel: 2,
    },
    next: async () => left.shift(),
    seek: async (after) => {
      left = [...slices];
      if (after === undefined) return;
      const rows = slices.flat();
      const from = 1 + rows.findIndex(({ key }) => Buffer.compare(key, after) === 0);
      left = [rows.slice(from)];
    },
    close: async () => undefined,
  };
}

export interface TestNode {
  readonly name: string;
  readonly tls: TestTls;
  readonly listener: RecordingListener;
  readonly network: PeerNetwork;
  readonly address: string;
  stopServer(): Promise<void>;
  close(): Promise<void>;
}

/** Nodes that serve on free ports; `start` makes them dial each other. */
export async function openNodes(
  authority: TestAuthority,
  names: readonly string[],
  observer: Partial<PeerObserver> = {},
  limits: { readonly snapshotStallMs?: number; readonly helloMs?: number } = {},
): Promise<readonly TestNode[]> {
  const peers = new Map<string, { readonly name: string; address: string }>();
  for (const name of names) peers.set(name, { name, address: "" });
  const nodes: TestNode[] = [];
  for (const name of names) {
    const tls = await authority.process(CLUSTER, "node", name);
    const others = [...peers.values()].filter((peer) => peer.name !== name);
    const options = { node: name, clusterName: CLUSTER, peers: others, tls, observer, ...limits };
    const network = createPeerTransport(options);
    const server = await openNode(network, tls);
    const own = peers.get(name);
    const address = `127.0.0.1:${server.port}`;
    if (own !== undefined) own.address = address;
    nodes.push({
      name,
      tls,
      network,
      address,
      listener: new RecordingListener(name),
      stopServer: () => server.close(),
      close: async () => {
        await network.transport.close();
        await server.close();
      },
    });
  }
  return nodes;
}

export function openNode(
  network: PeerNetwork,
  tls: TestTls,
  address = "127.0.0.1:0",
): Promise<RpcServer> {
  return openRpcServer({ address, tls, services: [network.service] });
}
