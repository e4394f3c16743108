import type { PeerListener, PeerMessage, PeerTransport } from "../../src/runtime/index.js";

const CHUNK_BYTES = 4096;

/** A network in memory: keeps the order between two nodes, and loses what the test wants lost. */
export class MemoryNetwork {
  readonly #listeners = new Map<string, PeerListener>();
  readonly #down = new Set<string>();
  readonly #refused = new Map<string, string>();
  /** Decides about each message; true loses it. */
  loses: (from: string, to: string) => boolean = () => false;
  /** Sees each frame. */
  sending: (from: string, to: string, messages: readonly PeerMessage[]) => void = () => undefined;

  open(node: string, listener: PeerListener): PeerTransport {
    this.#listeners.set(node, listener);
    this.#down.delete(node);
    for (const other of this.#listeners.keys()) this.greet(node, other);
    return {
      send: (to, messages) => {
        this.#deliver(node, to, messages);
      },
      sendSnapshot: (to, snapshot) => this.#copySnapshot(node, to, snapshot),
      close: () => {
        // A former life of the node closes late.
        if (this.#listeners.get(node) === listener) this.stop(node);
        return Promise.resolve();
      },
    };
  }

  /** Both say who they are; who is refused is not heard. */
  greet(one: string, other: string): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const hello = this.#listeners.get(from)?.hello(to);
      if (hello === undefined || from === to || this.#down.has(from) || this.#down.has(to))
        continue;
      const refusal = this.#listeners.get(to)?.admit(hello);
      if (refusal === undefined) this.#refused.delete(`${from}>${to}`);
      else this.#refused.set(`${from}>${to}`, refusal);
    }
  }

  /** As every second on a real connection. */
  announce(): void {
    for (const one of this.#listeners.keys()) {
      for (const other of this.#listeners.keys()) if (one < other) this.greet(one, other);
    }
  }

  /** Why a node is not heard by another. */
  refusal(from: string, to: string): string | undefined {
    return this.#refused.get(`${from}>${to}`);
  }

  /** The node is gone; its peers notice that nobody listens there. */
  stop(node: string): void {
    this.#down.add(node);
    this.#listeners.delete(node);
    for (const listener of this.#listeners.values()) listener.disconnected(node, true);
  }

  isolate(node: string): void {
    this.#down.add(node);
  }

  rejoin(node: string): void {
    this.#down.delete(node);
    for (const other of this.#listeners.keys()) this.greet(node, other);
  }

  #deliver(from: string, to: string, messages: readonly PeerMessage[]): void {
    this.sending(from, to, messages);
    setImmediate(() => {
      if (this.#down.has(from) || this.#down.has(to) || this.loses(from, to)) return;
      if (this.#refused.has(`${from}>${to}`)) return;
      this.#listeners.get(to)?.receive(from, messages);
    });
  }

  async #copySnapshot(
    from: string,
    to: string,
    snapshot: Parameters<PeerTransport["sendSnapshot"]>[1],
  ): Promise<boolean> {
    const listener = this.#listeners.get(to);
    if (listener === undefined || this.#down.has(from) || this.#down.has(to)) return false;
    const { state } = snapshot.source;
    const incoming = {
      shard: snapshot.shard,
      from: snapshot.from,
      to: snapshot.to,
      term: snapshot.term,
      snapshotId: String(state.index),
      index: state.index,
      indexTerm: state.term,
      confState: state.confState,
    };
    const sink = await listener.beginSnapshot(incoming);
    if (sink === undefined) return false;
    await snapshot.source.seek(sink.lastKey);
    for (;;) {
      const rows = await snapshot.source.next(CHUNK_BYTES);
      if (rows === undefined) return listener.finishSnapshot(incoming, sink);
      await snapshot.pace(rows.reduce((bytes, { value }) => bytes + value.length, 0));
      await sink.write(rows);
    }
  }
}
