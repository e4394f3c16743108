import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";

/** A port of localhost, and the authority of the certificate that it shows. */
export interface Target {
  readonly port: number;
  readonly ca: Buffer | string;
}

/** Opens one connection that does one thing without end; the other side has to end it. */
export type Abuse = (target: Target) => Promise<Socket>;

export async function dialTcp({ port }: Target): Promise<Socket> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

export async function dialTls(target: Target, more: ConnectionOptions = {}): Promise<Socket> {
  const { port, ca } = target;
  const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca, ...more });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return socket;
}

/** Does it as often as the other side reads, until that ends the connection. */
export function again(socket: Socket, run: () => void, everyMs: number): Socket {
  const timer = setInterval(() => {
    if (socket.writable && !socket.writableNeedDrain) run();
  }, everyMs);
  socket.once("close", () => clearInterval(timer));
  return socket;
}

/** Once the other side has ended it, for good where the client reads nothing. */
export async function ended(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  // An end is seen by who reads up to it, or writes after it.
  if (!socket.isPaused()) socket.resume();
  await closed;
}

/** So many of the same, in one write. */
export function burst(count: number, next: () => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, next));
}
