import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

/** PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A process that does nothing but answer one call. */
export class IdleProcess {
  readonly pid: number;
  readonly url: string;
  readonly #child: ChildProcess;

  static async start(
    kind: "connect-node" | "bare-http2" | "bare-http1",
    { cert, key }: TlsFiles,
  ): Promise<IdleProcess> {
    const script = path.join(import.meta.dirname, "idle-server.js");
    const child = spawn(process.execPath, [script, kind, cert, key], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    return new IdleProcess(child, Number(line.toString()));
  }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.url = `https://localhost:${port}`;
  }

  stop(): void {
    this.#child.kill();
  }
}
