import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "../support/eventually.js";

/** What system calls of a running process come to, from now on until it is taken off. */
export class Injection {
  readonly #strace: ChildProcess;

  /** `rule` as strace's inject= takes it: `fdatasync:error=EIO`. */
  static async into(pid: number, rule: string): Promise<Injection> {
    const [call = ""] = rule.split(":");
    const args = ["-f", "-qq", "-o", "/dev/null", "-p", String(pid)];
    const strace = spawn("strace", [...args, "-e", `trace=${call}`, "-e", `inject=${rule}`], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    strace.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
    await eventually(() => strace.exitCode !== null || isTraced(pid), { what: "strace to attach" });
    if (strace.exitCode !== null) throw new Error(`strace: ${said}`);
    return new Injection(strace);
  }

  private constructor(strace: ChildProcess) {
    this.#strace = strace;
  }

  async end(): Promise<void> {
    if (this.#strace.exitCode !== null || this.#strace.signalCode !== null) return;
    this.#strace.kill("SIGINT");
    await once(this.#strace, "close");
  }
}

/** Every thread: fsync is called from any of the pool. */
function isTraced(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) =>
    /^TracerPid:\t[1-9]/mu.test(readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8")),
  );
}
