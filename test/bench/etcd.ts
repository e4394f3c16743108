import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { eventually } from "../support/eventually.js";

const MEMBERS = 3;
const STATUS_MS = 1000;

/** Three members on this machine, fsync on, no TLS. */
export class Etcd {
  readonly members: readonly { readonly client: string; readonly pid: number }[];
  readonly #children: ChildProcess[];
  readonly #start: (member: number) => ChildProcess;
  readonly #dir: string;

  static isInstalled(): boolean {
    return spawnSync("etcd", ["--version"]).status === 0;
  }

  static async start(basePort: number): Promise<Etcd> {
    const dir = mkdtempSync(path.join(tmpdir(), "cabildo-bench-etcd-"));
    const names = Array.from({ length: MEMBERS }, (_, i) => `m${i}`);
    const peer = (i: number): string => `http://127.0.0.1:${basePort + 2 * i + 1}`;
    const client = (i: number): string => `http://127.0.0.1:${basePort + 2 * i}`;
    const start = (i: number): ChildProcess => {
      const name = `m${i}`;
      const args = [
        ["--name", name],
        ["--data-dir", path.join(dir, name)],
        ["--listen-client-urls", client(i)],
        ["--advertise-client-urls", client(i)],
        ["--listen-peer-urls", peer(i)],
        ["--initial-advertise-peer-urls", peer(i)],
        ["--initial-cluster", names.map((n, j) => `${n}=${peer(j)}`).join(",")],
      ];
      return spawn("etcd", args.flat(), { stdio: "ignore" });
    };
    const children = names.map((_, i) => start(i));
    const members = children.map((child, i) => ({
      client: `127.0.0.1:${basePort + 2 * i}`,
      pid: child.pid ?? 0,
    }));
    const etcd = new Etcd(members, children, start, dir);
    await eventually(() => etcd.leader(), { timeoutMs: 30_000, what: "etcd to elect a leader" });
    return etcd;
  }

  private constructor(
    members: Etcd["members"],
    children: ChildProcess[],
    start: (member: number) => ChildProcess,
    dir: string,
  ) {
    this.members = members;
    this.#children = children;
    this.#start = start;
    this.#dir = dir;
  }

  signal(member: number, signal: NodeJS.Signals): void {
    this.#children[member]?.kill(signal);
  }

  /** One that was told to end. */
  async restart(member: number): Promise<void> {
    const child = this.#children[member];
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      await once(child, "exit");
    }
    this.#children[member] = this.#start(member);
  }

  /** Address of the member that leads. */
  async leader(): Promise<string | undefined> {
    for (const { client } of this.members) {
      const response = await fetch(`http://${client}/v3/maintenance/status`, {
        method: "POST",
        body: "{}",
        signal: AbortSignal.timeout(STATUS_MS),
      }).catch(() => undefined);
      if (response === undefined) continue;
      const status = (await response.json()) as {
        header?: { member_id?: string };
        leader?: string;
      };
      if (status.leader !== undefined && status.leader === status.header?.member_id) return client;
    }
    return undefined;
  }

  stop(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** An etcdserverpb.PutRequest: key = 1, value = 2. */
export function putRequest(key: string, value: Uint8Array): Uint8Array {
  const keyBytes = Buffer.from(key);
  return Buffer.concat([
    Buffer.from([0x0a, keyBytes.length]),
    keyBytes,
    Buffer.from([0x12]),
    varint(value.length),
    value,
  ]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
