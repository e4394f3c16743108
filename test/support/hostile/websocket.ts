import { once } from "node:events";
import type { Socket } from "node:net";
import { again, burst, dialTls } from "./sockets.js";
import type { Abuse, Target } from "./sockets.js";

const UPGRADE = [
  "GET / HTTP/1.1",
  "host: localhost",
  "upgrade: websocket",
  "connection: upgrade",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
].join("\r\n");
const [CONTINUATION, TEXT, RESERVED, PING, PONG] = [0, 1, 5, 9, 10] as const;
const BURST = 500;

/** What can be done before a WebSocket is open. */
export const UPGRADES: Readonly<Record<string, Abuse>> = {
  "says nothing over TLS": dialTls,
  "begins an upgrade and says no more": async (target) => {
    const socket = await dialTls(target);
    socket.write(UPGRADE);
    return socket;
  },
  "sends an upgrade byte by byte": async (target) => {
    const socket = await dialTls(target);
    socket.write(UPGRADE);
    return again(socket, () => socket.write("x"), 50);
  },
};

/** What can be done with plain requests to a port of WebSockets. */
export const REQUESTS: Readonly<Record<string, Abuse>> = {
  "sends headers without end": async (target) => {
    const socket = await dialTls(target);
    socket.write(UPGRADE);
    return again(socket, () => socket.write(`x-a: ${"b".repeat(1000)}\r\n`), 0);
  },
  "asks again and again, and reads no answer": async (target) => {
    const socket = (await dialTls(target)).pause();
    const requests = burst(BURST, () =>
      Buffer.from("GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    );
    return again(socket, () => socket.write(requests), 0);
  },
};

/** What can be done over an open WebSocket, by anybody. */
export const FRAMES: Readonly<Record<string, Abuse>> = {
  "opens a socket and does not say who it is": openWebSocket,
  "floods pings": (target) => flood(target, () => frame(PING, Buffer.alloc(8))),
  "floods pongs": (target) => flood(target, () => frame(PONG, Buffer.alloc(8))),
  "sends one message in empty parts without end": async (target) => {
    const socket = await openWebSocket(target);
    socket.write(frame(TEXT, Buffer.alloc(0), { isLast: false }));
    const parts = burst(BURST, () => frame(CONTINUATION, Buffer.alloc(0), { isLast: false }));
    return again(socket, () => socket.write(parts), 0);
  },
  "sends a message byte by byte": async (target) => {
    const socket = await openWebSocket(target);
    socket.write(frame(TEXT, Buffer.alloc(60_000)).subarray(0, 8));
    return again(socket, () => socket.write("a"), 50);
  },
  "announces a message of a terabyte": (target) =>
    sendOne(target, Buffer.from([0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4])),
  "does not mask its frames": (target) =>
    sendOne(target, frame(TEXT, Buffer.from("{}"), { isMasked: false })),
  "uses reserved bits": (target) =>
    sendOne(target, frame(TEXT, Buffer.from("{}"), { reserved: 0x40 })),
  "uses an opcode that there is not": (target) =>
    sendOne(target, frame(RESERVED, Buffer.from("{}"))),
  "sends a ping that is too long": (target) => sendOne(target, frame(PING, Buffer.alloc(200))),
  "sends text that is no UTF-8": (target) =>
    sendOne(target, frame(TEXT, Buffer.from([0xff, 0xff]))),
  "floods text that is no command": (target) => flood(target, () => frame(TEXT, Buffer.from("{"))),
  "floods commands that there are not": (target) =>
    flood(target, () => frame(TEXT, Buffer.from('{"id":1,"juggle":{}}'))),
};

/** What is answered, but not read. */
export const UNREAD: Readonly<Record<string, Abuse>> = {
  "floods pings and reads no answer": async (target) =>
    (await flood(target, () => frame(PING, Buffer.alloc(100)))).pause(),
};

/** An open socket, with whatever it was opened for not yet said. */
async function openWebSocket(target: Target): Promise<Socket> {
  const socket = await dialTls(target);
  socket.write(`${UPGRADE}\r\n`);
  await once(socket, "data");
  return socket;
}

async function sendOne(target: Target, bytes: Buffer): Promise<Socket> {
  const socket = await openWebSocket(target);
  socket.write(bytes);
  return socket;
}

/** The same frame in bursts, as fast as they are read. */
async function flood(target: Target, next: () => Buffer): Promise<Socket> {
  const socket = await openWebSocket(target);
  const frames = burst(BURST, next);
  return again(socket, () => socket.write(frames), 0);
}

/** RFC 6455, 5.2; masked with zeros. */
function frame(
  opcode: number,
  payload: Buffer,
  { isLast = true, isMasked = true, reserved = 0 } = {},
): Buffer {
  const mask = isMasked ? 0x80 : 0;
  const { length } = payload;
  const head = [(isLast ? 0x80 : 0) | reserved | opcode];
  if (length < 126) head.push(mask | length);
  else head.push(mask | 126, length >> 8, length & 0xff);
  return Buffer.concat([Buffer.from(head), Buffer.alloc(isMasked ? 4 : 0), payload]);
}
