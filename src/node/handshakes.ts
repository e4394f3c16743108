import type { Socket } from "node:net";

/** Connections whose other side has not shown yet who it is, so many from each address and no more. */
export class Handshakes {
  readonly #perAddressMax: number;
  /** Ports, by address. */
  readonly #pending = new Map<string, Set<number>>();

  constructor(perAddressMax: number) {
    this.#perAddressMax = perAddressMax;
  }

  /** Ends the connection at once where its address has as many as may be: before the handshake, which is what costs. */
  begin(socket: Socket): void {
    const { remoteAddress = "", remotePort = 0 } = socket;
    const ports = this.#pending.get(remoteAddress) ?? new Set();
    if (ports.size >= this.#perAddressMax) {
      socket.destroy();
      return;
    }
    this.#pending.set(remoteAddress, ports.add(remotePort));
    socket.once("close", () => this.#forget(remoteAddress, remotePort));
  }

  /** It is known now who is there. The socket may be the one that TLS has put around the connection. */
  end({ remoteAddress = "", remotePort = 0 }: Socket): void {
    this.#forget(remoteAddress, remotePort);
  }

  #forget(address: string, port: number): void {
    const ports = this.#pending.get(address);
    if (ports?.delete(port) === true && ports.size === 0) this.#pending.delete(address);
  }
}
