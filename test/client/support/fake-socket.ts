import type { LiveSocket, SocketEvent } from "../../../src/client/live-socket.js";

type Command = Readonly<Record<string, unknown>> & { readonly id: number };
type Listener = (event: SocketEvent) => void;

/** A socket whose other end is the test. */
export class FakeSocket implements LiveSocket {
  readonly said: Command[] = [];
  readonly #listeners = new Map<string, Listener[]>();

  addEventListener(type: "open" | "message" | "close" | "error", listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(text: string): void {
    this.said.push(JSON.parse(text) as Command);
  }

  close(): void {
    // Nobody waits for the end of what was given up.
  }

  open(): void {
    this.#tell({ type: "open" });
  }

  say(frame: object): void {
    this.#tell({ type: "message", data: JSON.stringify(frame) });
  }

  /** Answers the last command of that name. */
  answer(name: string, body: object): void {
    const command = this.said.findLast((one) => name in one);
    this.say({ id: command?.id, [name]: body });
  }

  end(code: number): void {
    this.#tell({ type: "close", code, reason: "" });
  }

  /** Without a goodbye. */
  cut(): void {
    this.end(1006);
  }

  #tell(event: SocketEvent): void {
    for (const listener of this.#listeners.get(event.type) ?? []) listener(event);
  }
}
