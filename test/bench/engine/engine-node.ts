import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Load } from "../closed-loop.js";
import type { EngineNodeOrder, EngineNodeSetup, EnginePlace, EngineWork } from "./messages.js";

/** A process of the bare engine, as its parent sees it. One order at a time. */
export class EngineNode {
  readonly #child: ChildProcess;

  static async start(setup: EngineNodeSetup): Promise<EngineNode> {
    const node = new EngineNode(fork(fileURLToPath(new URL("./node.js", import.meta.url))));
    await node.#ask(setup);
    return node;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Waits until there is a leader. */
  async leads(): Promise<boolean> {
    return (await this.#ask<{ readonly leads: boolean }>({ kind: "lead" })).leads;
  }

  work(): Promise<EngineWork> {
    return this.#ask({ kind: "work" });
  }

  load(inFlight: number, seconds: number): Promise<Load> {
    return this.#ask({ kind: "load", inFlight, seconds });
  }

  put(): Promise<boolean> {
    return this.#ask({ kind: "put" });
  }

  place(): Promise<EnginePlace> {
    return this.#ask({ kind: "place" });
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  get ended(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => this.#child.once("exit", () => resolve()));
  }

  #ask<Answer>(order: EngineNodeOrder | EngineNodeSetup): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const died = (): void => reject(new Error("a process of the engine ended"));
      this.#child.once("exit", died);
      this.#child.once("message", (answer) => {
        this.#child.off("exit", died);
        resolve(answer as Answer);
      });
      this.#child.send(order);
    });
  }
}
