import { Worker } from "node:worker_threads";
import type { TestCertificate } from "./certificate.js";

const PROGRAM = `
  const { workerData, parentPort } = require("node:worker_threads");
  const net = require("node:net");
  const tls = require("node:tls");
  const { port, ca, connected } = workerData;
  parentPort.on("message", (count) => {
    for (let i = 0; i < count; i += 1) {
      const raw = net.connect(port, "127.0.0.1", () => {
        Atomics.add(connected, 0, 1);
        Atomics.notify(connected, 0);
        const socket = tls.connect({ socket: raw, servername: "localhost", ca }, () => {
          parentPort.postMessage("served");
          socket.destroy();
        });
        socket.on("error", (error) => parentPort.postMessage(String(error)));
      });
      raw.on("error", () => undefined);
    }
  });
`;

/** Connects from a thread of its own, also while this one does not turn. */
export class ConnectingThread {
  /** What became of each connection. */
  readonly outcomes: string[] = [];
  readonly #worker: Worker;
  readonly #connected = new Int32Array(new SharedArrayBuffer(4));

  constructor(port: number, { cert }: TestCertificate) {
    const workerData = { port, ca: cert, connected: this.#connected };
    this.#worker = new Worker(PROGRAM, { eval: true, workerData });
    this.#worker.on("message", (outcome: string) => this.outcomes.push(outcome));
  }

  /** So many connections wait for the listener when this returns, and the event loop has not turned. */
  connect(count: number): void {
    const wanted = Atomics.load(this.#connected, 0) + count;
    this.#worker.postMessage(count);
    for (let now = wanted - count; now < wanted; now = Atomics.load(this.#connected, 0)) {
      Atomics.wait(this.#connected, 0, now);
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
