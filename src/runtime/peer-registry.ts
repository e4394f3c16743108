import type { PeerHello, Store } from "./ports.js";
import { listOf, parseList } from "./stored-list.js";

interface KnownPeer {
  readonly storeId: string;
  readonly boot: number;
}

/**
 * What this node knows of the disks of the others, kept on its own: a node that comes back with another disk, or with an
 * older copy of its own, is refused, because it forgot what it had promised.
 */
export class PeerRegistry {
  readonly #clusterId: string;
  readonly #store: Store;
  readonly #known: Map<string, KnownPeer>;

  static async open(options: {
    readonly clusterId: string;
    readonly store: Store;
    readonly nodeName: string;
  }): Promise<PeerRegistry> {
    const stored = await options.store.readFact(FACT);
    return new PeerRegistry(options.clusterId, options.store, parse(stored));
  }

  private constructor(clusterId: string, store: Store, known: Map<string, KnownPeer>) {
    this.#clusterId = clusterId;
    this.#store = store;
    this.#known = known;
  }

  storeOf(node: string): string {
    return this.#known.get(node)?.storeId ?? "";
  }

  /** Undefined if the peer may speak, else why not. */
  admit(hello: PeerHello): string | undefined {
    if (hello.clusterId !== this.#clusterId) {
      return `this node belongs to cluster ${this.#clusterId}, not to ${hello.clusterId}`;
    }
    if (hello.toStoreId !== "" && hello.toStoreId !== this.#store.storeId) {
      return `${hello.node} knows this node by another disk: it was wiped, and must join as a new one`;
    }
    const known = this.#known.get(hello.node);
    if (known !== undefined && known.storeId !== hello.storeId) {
      return `${hello.node} comes with another disk than before: it was wiped, and must join as a new one`;
    }
    if (known !== undefined && hello.boot < known.boot) {
      return `${hello.node} comes with an older copy of its disk (start ${hello.boot} after ${known.boot})`;
    }
    if (known?.boot !== hello.boot) this.#remember(hello);
    return undefined;
  }

  #remember(hello: PeerHello): void {
    this.#known.set(hello.node, { storeId: hello.storeId, boot: hello.boot });
    const text = JSON.stringify(
      [...this.#known].map(([node, { storeId, boot }]) => [node, storeId, boot]),
    );
    // A failed write is fatal for the store, which says so itself.
    this.#store.writeFact(FACT, Buffer.from(text)).catch(() => undefined);
  }
}

const FACT = "peers";

function parse(stored: Uint8Array | undefined): Map<string, KnownPeer> {
  const known = new Map<string, KnownPeer>();
  for (const row of parseList(stored)) {
    const [node, storeId, boot] = listOf(row);
    if (typeof node === "string" && typeof storeId === "string" && typeof boot === "number") {
      known.set(node, { storeId, boot });
    }
  }
  return known;
}
