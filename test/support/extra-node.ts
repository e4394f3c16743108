import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import path from "node:path";
import { runCabildo } from "./run-cabildo.js";
import { CABILDO } from "./up-cluster.js";
import type { UpCluster } from "./up-cluster.js";

const STOP_MS = 20_000;

/** A node that no supervisor looks after, as an operator starts one on a further machine. */
export class ExtraNode {
  readonly name: string;
  readonly #child: ChildProcess;
  #said = "";

  /** Of those that the cluster was formed with, after it died. */
  static restart(cluster: UpCluster, name: string): ExtraNode {
    return new ExtraNode(cluster, name, []);
  }

  /** A new one, which joins these shards, or all; `port` and the one after it are its own. */
  static async join(
    cluster: UpCluster,
    name: string,
    port: number,
    shards: readonly string[] = [],
  ): Promise<ExtraNode> {
    const certs = path.join(cluster.ready.dataDir, "certs");
    const issue = ["certs", "issue", name, "--role", "node", "--dir", certs, "--host", "127.0.0.1"];
    const { code, err } = await runCabildo(...issue);
    if (code !== 0) throw new Error(err);
    return ExtraNode.joinAgain(cluster, name, port, shards);
  }

  static joinAgain(
    cluster: UpCluster,
    name: string,
    port: number,
    shards: readonly string[] = [],
  ): ExtraNode {
    const place = ["--host", "127.0.0.1", "--port", `${port}`, "--metrics-port", `${port + 1}`];
    return new ExtraNode(cluster, name, [...place, "--join", ...shards]);
  }

  private constructor({ ready: { dataDir } }: UpCluster, name: string, more: readonly string[]) {
    this.name = name;
    this.#child = spawn(
      process.execPath,
      [
        ...[CABILDO, "node", "--name", name, "--cluster", path.join(dataDir, "cluster.json")],
        ...["--certs", path.join(dataDir, "certs"), "--data", path.join(dataDir, name), ...more],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.#said += chunk.toString()));
  }

  /** What it logged. */
  get said(): string {
    return this.#said;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
  }
}
