import WebSocket from "ws";
import type { Person, UpCluster } from "../../support/up-cluster.js";

const AT_ONCE = 50;

export interface Opened {
  readonly socket: WebSocket;
  /** Calls back with each line that the server says. */
  onLine: (line: string) => void;
}

/** Connected sockets of one person, opened some at a time. */
export async function openConnected(
  cluster: UpCluster,
  person: Person,
  count: number,
  url: string,
): Promise<readonly Opened[]> {
  const opened: Opened[] = [];
  while (opened.length < count) {
    const batch = Math.min(AT_ONCE, count - opened.length);
    opened.push(
      ...(await Promise.all(
        Array.from({ length: batch }, () => openOne(cluster.ca, person.accessToken, url)),
      )),
    );
  }
  return opened;
}

export function openOne(ca: string, token: string, url: string): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, "cabildo.v1.json", { ca });
    const opened: Opened = { socket, onLine: () => undefined };
    socket.once("open", () => {
      socket.send(JSON.stringify({ id: 1, connect: { token } }));
    });
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString().split("\n")) {
        if (line.startsWith('{"id":1,"connect"')) resolve(opened);
        else opened.onLine(line);
      }
    });
    socket.on("error", reject);
    socket.once("close", (code) => reject(new Error(`closed with ${code}`)));
  });
}
