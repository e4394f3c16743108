import { again, dialTcp } from "./sockets.js";
import type { Abuse } from "./sockets.js";

/** What can be done to any port before TLS is there. */
export const HANDSHAKES: Readonly<Record<string, Abuse>> = {
  "connects and says nothing": dialTcp,
  "begins a handshake and says no more": async (target) => {
    const socket = await dialTcp(target);
    socket.write(Buffer.from([0x16, 3, 1, 0, 200, 1]));
    return socket;
  },
  "sends a handshake byte by byte": async (target) => {
    const socket = await dialTcp(target);
    socket.write(Buffer.from([0x16, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xfb]));
    return again(socket, () => socket.write(Buffer.from([3])), 50);
  },
  "does not speak TLS": async (target) => {
    const socket = await dialTcp(target);
    socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    return socket;
  },
};
