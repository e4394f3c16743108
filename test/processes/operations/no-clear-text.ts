import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import net from "node:net";
import { expect } from "chai";
import type { UpCluster } from "../../support/up-cluster.js";

const HELLO: readonly (readonly [string, string])[] = [
  ["HTTP/1.1", "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"],
  [
    "a WebSocket",
    "GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
  ],
];
/** RFC 8446, 5.1: the content type of an alert. */
const TLS_ALERT = 21;
/** State of a socket that listens, in /proc/net/tcp (proc_pid_net(5)). */
const LISTENS = "0A";

/** The first bytes that a port says to one who does not speak TLS; none if it closes without a word. */
function saidInClear(port: number, hello: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(hello, "latin1"));
    socket.once("data", (chunk: Buffer) => {
      socket.destroy();
      resolve(chunk);
    });
    socket.on("close", () => resolve(Buffer.alloc(0)));
    socket.on("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === "ECONNREFUSED") reject(cause);
    });
  });
}

/** Ports on which a process listens, as the kernel tells it. */
function listeningPorts(pid: number): readonly number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      const link = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return /^socket:\[(\d+)\]$/u.exec(link)?.[1];
    }),
  );
  return ["tcp", "tcp6"].flatMap((family) =>
    readFileSync(`/proc/${pid}/net/${family}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/u))
      .filter((fields) => fields[3] === LISTENS && inodes.has(fields[9]))
      .map((fields) => Number.parseInt(fields[1]?.split(":").at(-1) ?? "", 16)),
  );
}

export function noClearText(running: () => UpCluster): void {
  describe("a running cluster", function () {
    this.timeout(120_000);
    let cluster: UpCluster;
    before(function () {
      if (process.platform !== "linux") this.skip(); // /proc tells which ports there are
      cluster = running();
    });

    it("answers nobody on any port without TLS, but for metrics on loopback", async () => {
      const { nodes, coordinators, fanouts, metrics } = cluster.current();
      const processes = [...nodes, ...coordinators, ...fanouts];
      const inClear = new Set(metrics.map(({ url }) => Number(new URL(url).port)));
      const talkative = new Set<number>();
      const ports = [...processes, cluster].flatMap(({ pid }) => listeningPorts(pid));
      expect(ports).to.have.length(2 * processes.length);
      for (const port of ports) {
        for (const [, hello] of HELLO) {
          const said = await saidInClear(port, hello);
          if (said.length > 0 && said[0] !== TLS_ALERT) talkative.add(port);
        }
      }
      expect(talkative).deep.equals(inClear);
    });
  });
}
