import type { Person, UpCluster } from "../support/up-cluster.js";
import { openConnected } from "./live/sockets.js";
import type { Opened } from "./live/sockets.js";

/** Calls of the API over WSS, spread evenly over some sockets of one person. */
export class SocketCalls {
  readonly #opened: readonly Opened[];
  readonly #waiting = new Map<number, (line: string) => void>();
  /** 1 is the `connect` of each socket. */
  #nextId = 2;

  static async open(cluster: UpCluster, person: Person, sockets: number): Promise<SocketCalls> {
    return new SocketCalls(await openConnected(cluster, person, sockets, cluster.ready.wss));
  }

  private constructor(opened: readonly Opened[]) {
    this.#opened = opened;
    for (const each of opened) each.onLine = (line) => this.#hear(line);
  }

  /** `request` is proto3 JSON. */
  call(method: string, request: string): Promise<void> {
    const id = this.#nextId++;
    const { socket } = this.#opened[id % this.#opened.length] ?? {};
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (line) => {
        if (line.includes('"error"')) reject(new Error(line));
        else resolve();
      });
      socket?.send(`{"id":${id},"rpc":{"method":"${method}","request":${request}}}`);
    });
  }

  close(): void {
    for (const { socket } of this.#opened) socket.removeAllListeners("close").terminate();
  }

  /** A reply begins with its id: nothing else of it is parsed. */
  #hear(line: string): void {
    const id = Number(/^\{"id":(\d+)/.exec(line)?.[1]);
    const answered = this.#waiting.get(id);
    this.#waiting.delete(id);
    answered?.(line);
  }
}
